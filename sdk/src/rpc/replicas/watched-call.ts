import type { Route } from './route.js'

/** A call without an answer. */
export interface WatchedCall {
  /**
   * The caller's number of it, as replicas know it. 0: none, because a replica that has it says so
   * at once (the opening of a stream).
   */
  readonly id: number
  readonly target: { readonly component: string; readonly route?: Route | undefined }
  /** Epoch milliseconds. */
  readonly sentAt: number
  /** The replica that has it, once known. */
  holder: string | undefined
  /** It will not be answered; it may have been answered meanwhile. */
  onCalleeLost(why: string): void
}
