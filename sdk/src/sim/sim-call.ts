import type { CancelListener } from '../rpc/cancellation.js'
import type { Scope } from '../rpc/context.js'
import type { Actor } from './actor.js'
import type { Exchange, Network, Serving } from './network.js'
import type { Replica } from './replica.js'

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
  readonly #network: Network
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  attempt = 1
  mayHaveRun = false
  isSettled = false
  /** Its caller waits no more. */
  givenUp: 'AbortError' | 'TimeoutError' | undefined
  /** Who had the last attempt that arrived. */
  serving: { readonly replica: Replica; readonly serving: Serving } | undefined

  constructor(
    network: Network,
    of: Pick<SimCall, 'what' | 'exchange' | 'bytes' | 'deadline' | 'outer' | 'actor' | 'callerName'> & {
      readonly resolve: (value: unknown) => void
      readonly reject: (error: unknown) => void
    },
  ) {
    this.#network = network
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
    this.#network.abandon(this, reason)
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
    this.#network.calls.delete(this)
    for (const message of this.#network.messages)
      if (message.call === this && message.kind === 'reply') this.#network.messages.delete(message)
    return true
  }
}
