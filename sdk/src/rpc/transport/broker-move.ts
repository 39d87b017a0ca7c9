/**
 * The move from a broker's server that is about to stop to another one. In this lame duck mode of
 * NATS the server announces its stop, and closes its connections some seconds later.
 *
 * I1  Served calls end before calls are held back: they may make calls themselves.
 * I2  No step exceeds its share of the limit. Calls still in flight then stay so: what is published
 *     between the two connections is held, and sent over the next one. Only an answer that arrives
 *     in between is lost, and found missing (callee-watch.ts).
 * I3  A process that stops waits until the next connection is ready, or the time for it is over:
 *     its last answers may be among the held messages.
 * I4  A connection that is lost before it is given up ends the move: it counts as a normal loss. So
 *     does one that is not replaced soon after it was given up.
 */
import { pause } from '../../context/backoff.js'

/**
 * Time limit for ending work. Less than the broker gives its clients, and than callers wait for a
 * component without a replica.
 */
const LIMIT_MS = 3_000
/**
 * Share of the limit for served calls; calls made get the rest: while those are awaited, new ones
 * wait.
 */
const SERVED_SHARE = 2 / 3
const FLUSH_MS = 500
/** A server that is up accepts a new connection in some tens of milliseconds. */
export const CROSSING_MS = 1_000
const MAX_HELD_BYTES = 64 * 2 ** 20

/** What a part of the process does before its connection is replaced. */
export interface MoveSteps {
  /** Takes no new work, and resolves when present work is done. */
  readonly leave?: () => Promise<unknown>
  /** Resolves when no answer is pending. */
  readonly settle?: () => Promise<unknown>
}

/** For tests: what is slow in production may be quicker or slower there. */
export interface MoveLimits {
  /** Time limit for ending work, in milliseconds. @default 3000 */
  readonly workMs?: number
  /** Time limit for the next connection, in milliseconds. @default 1000 */
  readonly crossingMs?: number
}

export interface MoveLink {
  /** Nothing is sent any more. */
  onCrossing(): void
  flush(): Promise<void>
  reconnect(): void
  /** There is no next connection yet; held messages are lost. */
  onStranded(lost: number): void
}

interface Held {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply: string | undefined
}

export class BrokerMove {
  readonly #link: MoveLink
  readonly #workMs: number
  readonly #crossingMs: number
  readonly #steps: MoveSteps[] = []
  #stage: 'none' | 'leaving' | 'settling' | 'crossing' = 'none'
  #over = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #held: Held[] = []
  #heldBytes = 0

  constructor(link: MoveLink, { workMs = LIMIT_MS, crossingMs = CROSSING_MS }: MoveLimits = {}) {
    this.#link = link
    this.#workMs = workMs
    this.#crossingMs = crossingMs
  }

  /** Whether new calls may be sent. */
  get takesCalls(): boolean {
    return this.#stage === 'none' || this.#stage === 'leaving'
  }

  /** Whether one connection is given up, and the next is not ready yet. */
  get isCrossing(): boolean {
    return this.#stage === 'crossing'
  }

  add(steps: MoveSteps): void {
    this.#steps.push(steps)
  }

  /**
   * Moves, unless already moving. Resolves when the connection is given up, or was lost before
   * that.
   */
  async begin(): Promise<void> {
    if (this.#stage !== 'none') return
    const { signal } = (this.#over = new AbortController())
    this.#stage = 'leaving'
    const leaving = Promise.all(this.#steps.map(({ leave }) => leave?.()))
    await within(this.#workMs * SERVED_SHARE, leaving, signal) // I1
    if (signal.aborted) return
    this.#stage = 'settling'
    const settling = Promise.all(this.#steps.map(({ settle }) => settle?.()))
    await within(this.#workMs * (1 - SERVED_SHARE), settling, signal)
    if (signal.aborted) return
    this.#stage = 'crossing'
    this.#link.onCrossing()
    await within(FLUSH_MS, this.#link.flush(), signal)
    if (signal.aborted) return
    this.#timer = setTimeout(() => this.#strand(), this.#crossingMs)
    this.#link.reconnect()
  }

  /** I2 @returns false if there is no room for it, or no move in progress */
  hold(subject: string, data: Uint8Array, reply: string | undefined): boolean {
    if (this.#stage !== 'crossing' || this.#heldBytes + data.length > MAX_HELD_BYTES) return false
    this.#held.push({ subject, data, reply })
    this.#heldBytes += data.length
    return true
  }

  /** I3 Resolves when the next connection is ready, or the time for it is over. */
  async crossed(): Promise<void> {
    if (this.#stage !== 'crossing') return
    const { signal } = this.#over
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }

  /** I4 The connection is lost, or was given up. */
  onDisconnected(): void {
    if (this.#stage !== 'crossing') this.end()
  }

  /** There is a new connection, or there will be none. @returns the messages to send now */
  end(): readonly Held[] {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    this.#stage = 'none'
    clearTimeout(this.#timer)
    this.#over.abort()
    return held
  }

  #strand(): void {
    this.#link.onStranded(this.end().length)
  }
}

/** Resolves when the work is done or has failed, the time is over, or the signal aborts. */
async function within(ms: number, work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const done = new AbortController()
  const isDone = work.then(
    () => undefined,
    () => undefined, // failed with the connection, which ends the move
  )
  await Promise.race([isDone, pause(ms, AbortSignal.any([signal, done.signal]))])
  done.abort()
}
