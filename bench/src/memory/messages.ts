/** What a process of bench:memory is asked, and what it answers. */
export type Question =
  /** Bytes that are in use when the garbage is collected. */
  | { readonly kind: 'live' }
  /** Client: makes so many calls, 64 at once. */
  | { readonly kind: 'calls'; readonly count: number }
  /**
   * Client: so many calls that take so long, each `perTurn` of them in one turn of the event loop,
   * however many wait already.
   */
  | { readonly kind: 'flood'; readonly count: number; readonly ms: number; readonly perTurn: number }

/** How the calls of a flood ended: by code of the error, or `answered`. */
export type Ended = Readonly<Record<string, number>>
export type Answer = number | Ended
/** To `live`: bytes. To `calls`: how many. */
export type AnswerTo<Q extends Question> = Q extends { readonly kind: 'flood' } ? Ended : number

export interface Request {
  readonly id: number
  readonly question: Question
}
export interface Reply {
  readonly id: number
  readonly answer: Answer
}
/** Number of the first reply, to no question: the process has started. */
export const READY = 0
