import type { Cancellation, CancelListener } from '../../context/cancellation.js'
import type { Scope } from '../../context/context.js'
import type { Reader } from '../../codec/reader.js'
import type { Writer } from '../../codec/writer.js'
import type { ComponentBinding, MethodBinding } from '../../component/binding.js'
import type { Actor } from './actor.js'
import type { Life } from './life.js'

/** A replica as seen by its calls. */
export interface Callee {
  readonly life: Life
  /** The object with the methods. */
  readonly target: object
  /** The calls that it serves. */
  readonly serving: Set<Serving>
}

/** The request to a replica, and how its answer is read. */
export interface Exchange {
  readonly binding: ComponentBinding
  readonly method: MethodBinding
  readonly args: readonly unknown[]
  /** Time limit of the call if its caller sets none. */
  readonly limitMs: number
  /** For an open stream, the replica that serves it. */
  readonly pinned?: { readonly replica: Callee; readonly life: Life }
  /** Runs in the callee's context. */
  serve(replica: Callee, args: readonly unknown[]): Promise<unknown>
  write(w: Writer, result: unknown): void
  read(r: Reader): unknown
  readonly isRetriable: boolean
  /** For a routed method, the position of its key on the ring. */
  readonly shard?: number | undefined
  /** Its text in the history: `transfer("a", "b")`. */
  text(): string
}

/** A replica serving a call. */
export interface Serving {
  readonly call: SimCall
  readonly attempt: number
  readonly cancellation: Cancellation
}

/** Receives the outcome of a call. */
export interface CallOwner {
  onCancelled(call: SimCall, reason: unknown): void
  onSettled(call: SimCall): void
}

/** One call in progress. I1: it is settled once. */
export class SimCall implements CancelListener {
  readonly what: string
  readonly exchange: Exchange
  readonly bytes: Uint8Array
  readonly deadline: number
  /** The caller's context. */
  readonly outer: Scope
  readonly actor: Actor
  readonly callerName: string
  readonly #id: string
  readonly #owner: CallOwner
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  attempt = 1
  mayHaveRun = false
  isSettled = false
  /** Set when its caller no longer waits. */
  givenUp: 'AbortError' | 'TimeoutError' | undefined
  /** The replica that has the last attempt to arrive. */
  serving: { readonly replica: Callee; readonly serving: Serving } | undefined

  constructor(
    owner: CallOwner,
    of: Pick<SimCall, 'what' | 'exchange' | 'bytes' | 'deadline' | 'outer' | 'actor' | 'callerName'> & {
      readonly resolve: (value: unknown) => void
      readonly reject: (error: unknown) => void
    },
  ) {
    this.#owner = owner
    this.what = of.what
    this.exchange = of.exchange
    this.bytes = of.bytes
    this.deadline = of.deadline
    this.outer = of.outer
    this.actor = of.actor
    this.callerName = of.callerName
    this.#resolve = of.resolve
    this.#reject = of.reject
    this.#id = `${of.actor.origin.id}.${(of.actor.origin.calls += 1)}`
    of.outer.cancellation?.add(this)
  }

  /** Name of this attempt: `2.1`, or `2.1#2` for a retry. */
  get key(): string {
    return this.attempt === 1 ? this.#id : `${this.#id}#${this.attempt}`
  }

  onCancelled(reason: unknown): void {
    this.#owner.onCancelled(this, reason)
  }

  resolve(value: unknown): void {
    if (this.drop()) this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.drop()) this.#reject(error)
  }

  /** @returns false if it was already settled */
  drop(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.outer.cancellation?.remove(this)
    this.#owner.onSettled(this)
    return true
  }
}
