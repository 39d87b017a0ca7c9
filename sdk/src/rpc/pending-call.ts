/** What a call is while it is on its way. Kept apart from the client that sends it and the answer that settles it. */
import type { Reader } from '../codec/reader.js'
import type { MethodBinding } from '../component/binding.js'
import type { CallStats } from '../telemetry/call-stats.js'
import type { Cancellation, CancelListener } from './cancellation.js'
import type { Caller, Scope } from './context.js'
import type { Outbox } from './outbox.js'
import type { Assembly } from './parts.js'
import type { RetryBudget } from './retry-budget.js'
import type { Route } from './route.js'

const NO_BYTES = new Uint8Array()

export interface CallTarget {
  readonly component: string
  readonly methods: readonly MethodBinding[]
  readonly notRetriable: ReadonlySet<string>
  readonly timeoutMs: Readonly<Record<string, number | undefined>>
  /** Absent: none of its methods is routed. */
  readonly route?: Route | undefined
}

/** One component as one other calls it; made when a ref is resolved. */
export interface Target extends CallTarget {
  readonly subject: string
  readonly caller: Caller
  readonly stats: readonly CallStats[]
  /** By method. */
  readonly limitsMs: readonly number[]
  /** Calls of this tick to any replica. */
  readonly outbox: Outbox<PendingCall>
  /** Of the component, for all its callers in this process. */
  readonly budget: RetryBudget
  /** Calls without an answer. */
  waiting: number
  /** How many of the last answers took their time, from 0 to 1: slow calls are not sent together, because one message goes to one replica. */
  slowness: number
}

export interface PendingCallOwner {
  onCancelled(call: PendingCall, reason: unknown): void
}

/** A call that is on its way. I1: whoever takes it from the map settles it. */
export class PendingCall implements CancelListener {
  readonly id: number
  readonly target: Target
  readonly method: number
  /** Epoch milliseconds. */
  readonly deadline: number
  /** Epoch milliseconds. */
  sentAt = 0
  /** The replica that has it, once that is known. */
  holder: string | undefined
  readonly cancellation: Cancellation | undefined
  readonly #client: PendingCallOwner
  frame: Uint8Array = NO_BYTES
  /** Its frame goes in parts: the broker may speak of each of them. */
  isInParts = false
  /** Its answer comes in parts. */
  answer: Assembly | undefined
  /** Absent until it is sent. */
  message: SentMessage | undefined
  resolve!: (answer: Answer) => void // set by the promise, when it is made
  reject!: (error: Error) => void // the same

  constructor(id: number, target: Target, call: Attempt, client: PendingCallOwner) {
    this.id = id
    this.target = target
    this.method = call.method
    this.deadline = call.deadline
    this.holder = call.owner
    this.cancellation = call.now.cancellation
    this.#client = client
  }

  /** Component and method, for messages. */
  get what(): string {
    return whatOf(this.target, this.method)
  }

  onCancelled(reason: unknown): void {
    this.#client.onCancelled(this, reason)
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

export interface Attempt {
  readonly method: number
  readonly args: readonly unknown[]
  readonly now: Scope
  /** Epoch milliseconds. */
  readonly deadline: number
  /** The replica that owns the key of the call; `undefined`: any. */
  readonly owner: string | undefined
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
