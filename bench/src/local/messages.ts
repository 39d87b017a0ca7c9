/** What a process of bench:local tells its parent. */

/** Nanoseconds for a call. */
export interface Round {
  /** `await object.method()`. */
  readonly plainNs: number
  /** Through a ref to a component of the same process. */
  readonly refNs: number
  /** The same, made inside a call that has a deadline. */
  readonly insideNs: number
}

interface Bytes {
  readonly made: number
  /** What is left of it when the garbage is collected. */
  readonly kept: number
}

/** Bytes for a call. */
export interface Allocation {
  /** Of plain calls in a process in which no asynchronous context was ever active. */
  readonly before: Bytes
  readonly plain: Bytes
  readonly ref: Bytes
}
