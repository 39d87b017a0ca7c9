import type { Cancellation, CancelListener } from '../../context/cancellation.js'
import type { Scope } from '../../context/context.js'
import type { Reader } from '../../codec/reader.js'
import type { Writer } from '../../codec/writer.js'
import type { ComponentBinding, MethodBinding } from '../../component/binding.js'
import type { Actor } from './actor.js'
import type { Life } from './life.js'

/** A replica as its calls know it. */
export interface Callee {
  readonly life: Life
  /** What has the methods. */
  readonly target: object
  /** The calls that it has. */
  readonly serving: Set<Serving>
}

/** What is asked of a replica, and how the answer comes back. */
export interface Exchange {
  readonly binding: ComponentBinding
  readonly method: MethodBinding
  readonly args: readonly unknown[]
  /** How long the call may take where its caller does not say. */
  readonly limitMs: number
  /** Of a stream that is open: the replica that has it. */
  readonly pinned?: { readonly replica: Callee; readonly life: Life }
  /** Runs in the context of the callee. */
  serve(replica: Callee, args: readonly unknown[]): Promise<unknown>
  write(w: Writer, result: unknown): void
  read(r: Reader): unknown
  readonly isRetriable: boolean
  /** Of a routed method: where its key lies on the ring. */
  readonly shard?: number | undefined
  /** How the history calls it: `transfer("a", "b")`. */
  text(): string
}

/** A replica at work for a call. */
export interface Serving {
  readonly call: SimCall
  readonly attempt: number
  readonly cancellation: Cancellation
}

/** Who a call tells what becomes of it. */
export interface CallOwner {
  onCancelled(call: SimCall, reason: unknown): void
  onSettled(call: SimCall): void
}

/** One call on its way. I1: it is settled once. */
export class SimCall implements CancelListener {
  readonly what: string
  readonly exchange: Exchange
  readonly bytes: Uint8Array
  readonly deadline: number
  /** The context of the caller. */
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
  /** Its caller waits no more. */
  givenUp: 'AbortError' | 'TimeoutError' | undefined
  /** Who had the last attempt that arrived. */
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

  /** Names this attempt: `2.1`, when it is tried again `2.1#2`. */
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

  /** @returns false when it was settled before */
  drop(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.outer.cancellation?.remove(this)
    this.#owner.onSettled(this)
    return true
  }
}
