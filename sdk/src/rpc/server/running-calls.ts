/**
 * The calls that run here, their callers and deadlines.
 *
 * I1  A call is in the count of its component, in the list of its caller and in the total, or in
 *     none of them.
 */
import type { MethodBinding } from '../../component/binding.js'
import type { CallSpan } from '../../telemetry/tracing/tracing.js'
import { Cancellation } from '../../context/cancellation.js'
import { Scope, type Caller } from '../../context/context.js'
import { parseCaller, type CallHead } from '../wire/frame.js'
import { IdleWait } from '../../context/idle.js'
import { NumberedCalls, type Numbered } from '../wire/numbered-calls.js'
import { processNow } from '../../context/process-clock.js'

const SWEEP_MS = 20
/** Number of remembered callers without running calls. */
const IDLE_CALLERS = 1_000

/** The receiver of an answer. `id` 0: the number of the request could not be read. */
export interface Addressee {
  readonly reply: string
  readonly id: number
  /** Whether its request came in one message with others. */
  readonly isOneOfMany: boolean
}

export interface ServedComponent {
  readonly name: string
  readonly methods: readonly MethodBinding[]
  readonly instance: object
}

export interface HostedComponent extends ServedComponent {
  /** Number of running calls. */
  running: number
}

/** A component of a replica that has called. */
export interface KnownCaller {
  readonly caller: Caller
  /** Its name as in messages. */
  readonly bytes: Uint8Array
  /** Running calls of its replica, by the replica's number. */
  readonly running: NumberedCalls<RunningCall>
}

/** A message of requests. */
export interface Delivery {
  readonly component: HostedComponent
  readonly caller: KnownCaller
  readonly reply: string
  /** When it arrived, in milliseconds by the process clock. */
  readonly at: number
  /** Number of its calls. */
  count: number
}

/** A call, and the context in which it runs. */
export class RunningCall extends Scope implements Addressee, Numbered<RunningCall> {
  readonly id: number
  chained: RunningCall | undefined
  readonly delivery: Delivery
  readonly binding: MethodBinding
  readonly span: CallSpan | undefined
  #own: Cancellation | undefined

  constructor(delivery: Delivery, head: CallHead, of: { readonly binding: MethodBinding; readonly span: CallSpan | undefined }) {
    const { metadata, traceparent, tracestate, timeLeftMs } = head
    const deadline = timeLeftMs === 0 ? undefined : delivery.at + timeLeftMs
    super({ metadata, caller: delivery.caller.caller, deadline, traceparent, tracestate }, undefined)
    this.id = head.call
    this.delivery = delivery
    this.binding = of.binding
    this.span = of.span
  }

  /** Created on request: most calls end before that. */
  override get cancellation(): Cancellation {
    return (this.#own ??= new Cancellation())
  }

  get isAborted(): boolean {
    return this.#own?.isAborted === true
  }

  get reply(): string {
    return this.delivery.reply
  }

  get isOneOfMany(): boolean {
    return this.delivery.count > 1
  }
}

export class RunningCalls {
  readonly #callers = new Map<string, KnownCaller>()
  /** By replica. */
  readonly #running = new Map<string, NumberedCalls<RunningCall>>()
  #size = 0
  #sweep: NodeJS.Timeout | undefined
  readonly #idle = new IdleWait()

  get size(): number {
    return this.#size
  }

  /** @param bytes its name; they are copied */
  caller(bytes: Uint8Array): KnownCaller {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    const known = this.#callers.get(text)
    if (known !== undefined) return known
    if (this.#callers.size >= IDLE_CALLERS) this.#forgetIdle()
    const caller = parseCaller(bytes)
    let running = this.#running.get(caller.replica)
    if (running === undefined) this.#running.set(caller.replica, (running = new NumberedCalls()))
    const made: KnownCaller = { caller, bytes: new Uint8Array(bytes), running }
    this.#callers.set(text, made)
    return made
  }

  add(call: RunningCall): void {
    this.#size++
    const { caller, component } = call.delivery
    component.running++
    caller.running.add(call)
    if (this.#sweep === undefined && call.deadline !== undefined) this.#watchDeadlines()
  }

  delete(call: RunningCall): void {
    this.#size--
    const { caller, component } = call.delivery
    component.running--
    caller.running.delete(call)
    if (this.#size === 0) this.#idle.notify()
  }

  /**
   * @param replica of the caller
   * @param id the caller's number of the call
   */
  find(replica: string, id: number): RunningCall | undefined {
    return this.#running.get(replica)?.get(id)
  }

  /** Tells every call that its answer is no longer wanted. */
  abort(reason: unknown): void {
    for (const calls of this.#running.values()) for (const call of calls.values()) call.cancellation.abort(reason)
  }

  /** Stops watching calls that still run: the process ends without them. */
  leave(): void {
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  /** Resolves when no call runs, including calls that arrive meanwhile. */
  whenNoneRuns(): Promise<void> {
    return this.#idle.until(this.#size === 0)
  }

  #forgetIdle(): void {
    for (const [text, { running }] of this.#callers) if (running.size === 0) this.#callers.delete(text)
    const used = new Set([...this.#callers.values()].map(({ running }) => running))
    for (const [replica, running] of this.#running) if (!used.has(running)) this.#running.delete(replica)
  }

  /** One coarse timer for all; a call that ends before its deadline creates no signal. */
  #watchDeadlines(): void {
    this.#sweep = setInterval(() => {
      const now = processNow()
      for (const calls of this.#running.values())
        for (const call of calls.values())
          if (call.deadline !== undefined && call.deadline <= now && !call.isAborted)
            call.cancellation.abort(new DOMException('the deadline of the call has passed', 'TimeoutError'))
      if (this.#size > 0) return
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }, SWEEP_MS)
  }
}
