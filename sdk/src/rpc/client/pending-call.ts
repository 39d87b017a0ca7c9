/** What a call is while it is on its way. Kept apart from the client that sends it and the answer that settles it. */
import type { Reader } from '../../codec/reader.js'
import type { MethodBinding } from '../../component/binding.js'
import type { CallStats } from '../../telemetry/call-stats.js'
import type { CancelListener } from '../../context/cancellation.js'
import type { DamagedFrames } from '../wire/damaged-frames.js'
import type { Numbered } from '../wire/numbered-calls.js'
import type { Caller, Scope } from '../../context/context.js'
import type { WatchedCall } from '../replicas/callee-watch.js'
import type { Place } from './owner-queue.js'
import type { Assembly } from '../wire/parts.js'
import type { RetryBudget } from './retry-budget.js'
import type { Route } from '../replicas/route.js'

export interface CallTarget {
  readonly component: string
  readonly methods: readonly MethodBinding[]
  readonly notRetriable: ReadonlySet<string>
  readonly timeoutMs: Readonly<Record<string, number | undefined>>
  /** Of methods that are not in `timeoutMs`. @default DEFAULT_TIMEOUT_MS */
  readonly defaultTimeoutMs?: number | undefined
  /** Absent: none of its methods is routed. */
  readonly route?: Route | undefined
}

/** One component as one other calls it; made when a ref is resolved. */
export interface Target extends CallTarget {
  readonly caller: Caller
  readonly stats: readonly CallStats[]
  /** By method. */
  readonly limitsMs: readonly number[]
  /** Answers that cannot be understood. */
  readonly damaged: DamagedFrames
  /** Of the component, for all its callers in this process. */
  readonly budget: RetryBudget
  /** Calls without an answer. */
  waiting: number
  /** How many of the last answers took their time, from 0 to 1: slow calls are not sent together, because one message goes to one replica. */
  slowness: number
}

export interface Attempt {
  readonly method: number
  readonly args: readonly unknown[]
  readonly now: Scope
  /** Epoch milliseconds. */
  readonly deadline: number
  /** The replica that owns the key of the call; `undefined`: any. */
  readonly owner: string | undefined
  /** Among the calls to that owner, where it had to wait. */
  readonly place?: Place | undefined
}

export interface PendingCallOwner {
  /** Its caller has gone. */
  onCancelled(call: PendingCall, reason: unknown): void
  /** The replica that had it has gone. */
  onCalleeLost(call: PendingCall, why: string): void
}

/** A call that is on its way. */
export class PendingCall implements CancelListener, Numbered<PendingCall>, WatchedCall {
  readonly id: number
  chained: PendingCall | undefined
  readonly target: Target
  readonly attempt: Attempt
  /** Epoch milliseconds. */
  readonly deadline: number
  /** Epoch milliseconds. */
  sentAt = 0
  /** The replica that has it, once that is known. */
  holder: string | undefined
  isSettled = false
  /** What it takes in its message. */
  bytes = 0
  /** Where its number stands in its message. */
  numberAt = 0
  /** Its message, where that goes in parts: the broker may speak of each of them. */
  large: Uint8Array | undefined
  /** To be called when its parts are sent, or it is settled before that. */
  onSent: (() => void) | undefined
  /** Its answer comes in parts. */
  answer: Assembly | undefined
  /** Absent until it is sent. */
  message: SentMessage | undefined
  readonly #owner: PendingCallOwner
  resolve!: (answer: Answer) => void // set by the promise, when it is made
  reject!: (error: Error) => void // the same

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

/** A message on its way, with one call or several; it has a reply subject of its own until all of them are settled. */
export interface SentMessage {
  readonly calls: readonly PendingCall[]
  slot: number
  /** Calls that are not settled. */
  left: number
  isAnswered: boolean
}

/** An answer that has arrived; its reader stands behind the number of the call. */
export interface Answer {
  readonly kind: number
  readonly reader: Reader
}

/** Component and method, for messages. */
export function whatOf(target: CallTarget, method: number): string {
  return `${target.component}.${target.methods[method]?.name ?? method}`
}
