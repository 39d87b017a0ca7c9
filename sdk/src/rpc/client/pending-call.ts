/** A call in flight: separate from the client that sends it and the answer that settles it. */
import type { Reader } from '../../codec/reader.js'
import type { MethodBinding } from '../../component/binding.js'
import type { CallStats } from '../../telemetry/call-stats.js'
import type { CancelListener } from '../../context/cancellation.js'
import type { DamagedFrames } from '../wire/damaged-frames.js'
import type { Numbered } from '../wire/numbered-calls.js'
import type { Caller, Scope } from '../../context/context.js'
import type { WatchedCall } from '../replicas/watched-call.js'
import type { Place } from './owner-queue.js'
import type { Assembly } from '../wire/parts.js'
import type { RetryBudget } from './retry-budget.js'
import type { Route } from '../replicas/route.js'

export interface CallTarget {
  readonly component: string
  readonly methods: readonly MethodBinding[]
  readonly notRetriable: ReadonlySet<string>
  readonly timeoutMs: Readonly<Record<string, number | undefined>>
  /** For methods that are not in `timeoutMs`. @default DEFAULT_TIMEOUT_MS */
  readonly defaultTimeoutMs?: number | undefined
  /** Absent if none of its methods is routed. */
  readonly route?: Route | undefined
}

/** One component as called by another; created when a ref is resolved. */
export interface Target extends CallTarget {
  readonly caller: Caller
  readonly stats: readonly CallStats[]
  /** Time limits by method. */
  readonly limitsMs: readonly number[]
  /** Answers that cannot be decoded. */
  readonly damaged: DamagedFrames
  /** The component's budget, shared by all callers in this process. */
  readonly budget: RetryBudget
  /** Number of calls without an answer. */
  waiting: number
  /**
   * Share of recent answers that were slow, from 0 to 1: slow calls are not batched, because one
   * message goes to one replica.
   */
  slowness: number
}

export interface Attempt {
  readonly method: number
  readonly args: readonly unknown[]
  readonly now: Scope
  /** Epoch milliseconds. */
  readonly deadline: number
  /** The replica that owns the call's key; `undefined` for any replica. */
  readonly owner: string | undefined
  /** Its place among the calls to that owner, if it had to wait. */
  readonly place?: Place | undefined
}

export interface PendingCallOwner {
  /** Its caller has gone. */
  onCancelled(call: PendingCall, reason: unknown): void
  /** The replica that had it has gone. */
  onCalleeLost(call: PendingCall, why: string): void
}

/** A call in flight. */
export class PendingCall implements CancelListener, Numbered<PendingCall>, WatchedCall {
  readonly id: number
  chained: PendingCall | undefined
  readonly target: Target
  readonly attempt: Attempt
  /** Epoch milliseconds. */
  readonly deadline: number
  /** Epoch milliseconds. */
  sentAt = 0
  /** The replica that has it, once known. */
  holder: string | undefined
  isSettled = false
  /** Its size in the message. */
  bytes = 0
  /** Position of its number in the message. */
  numberAt = 0
  /** Its message, if sent in parts: the broker may report each of them. */
  large: Uint8Array | undefined
  /** To be called when its parts are sent, or when it is settled earlier. */
  onSent: (() => void) | undefined
  /** Its answer, if that arrives in parts. */
  answer: Assembly | undefined
  /** Absent until it is sent. */
  message: SentMessage | undefined
  readonly #owner: PendingCallOwner
  resolve!: (answer: Answer) => void // set when the promise is created
  reject!: (error: Error) => void // set when the promise is created

  constructor(id: number, of: { readonly target: Target; readonly attempt: Attempt }, owner: PendingCallOwner) {
    this.id = id
    this.target = of.target
    this.attempt = of.attempt
    this.deadline = of.attempt.deadline
    this.holder = of.attempt.owner
    this.#owner = owner
  }

  get binding(): MethodBinding {
    return this.target.methods[this.attempt.method] as MethodBinding // the stub and this list come from one generated file
  }

  /** Component and method, for messages. */
  get what(): string {
    return whatOf(this.target, this.attempt.method)
  }

  onCancelled(reason: unknown): void {
    this.#owner.onCancelled(this, reason)
  }

  onCalleeLost(why: string): void {
    this.#owner.onCalleeLost(this, why)
  }
}

/**
 * A message in flight with one or more calls; it has its own reply subject until all of them are
 * settled.
 */
export interface SentMessage {
  readonly calls: readonly PendingCall[]
  slot: number
  /** Number of calls that are not settled. */
  left: number
  isAnswered: boolean
}

/** A received answer; its reader is positioned after the number of the call. */
export interface Answer {
  readonly kind: number
  readonly reader: Reader
}

/** Component and method, for messages. */
export function whatOf(target: CallTarget, method: number): string {
  return `${target.component}.${target.methods[method]?.name ?? method}`
}
