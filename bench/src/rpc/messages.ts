/** What the processes of a row and their parent tell each other. */
import type { Sample } from './measure.js'

export type ToParent =
  /** The server can be called; the client can begin with its 64 callers. */
  | { readonly kind: 'ready' }
  /** The client's 64 callers have ended. */
  | { readonly kind: 'done' }
  | { readonly kind: 'sample'; readonly sample: Sample }
  /** The server's profile, if there is to be one, is on the disk. */
  | { readonly kind: 'written' }

/** To the client: begin with the 64 callers. To the server: they begin, or they have ended. */
export type ToChild = { readonly kind: 'go' | 'stop' }
