/**
 * Assembles the calling side. A call passes this list from top to bottom, and each part knows only
 * those below it:
 *
 *     remote-calls.ts     the calls of one stub: counted, traced, limited
 *     retrier.ts          retries a call
 *     call-line.ts        one attempt: alone, with the others of its tick (request-batch.ts),
 *                         or behind a large one (owner-queue.ts)
 *     request-sender.ts   messages, and requests in parts
 *     pending-calls.ts    calls that wait for an answer
 *
 * Answers arrive at answer-reader.ts. One sweep looks for deadlines, and for replicas that died
 * with calls (replicas/callee-watch.ts).
 */
import { Writer } from '../../codec/writer.js'
import type { Calls } from '../../component/binding.js'
import { processNow } from '../../context/process-clock.js'
import { limitsOf } from '../../context/time-limit.js'
import { callStats } from '../../telemetry/call-stats.js'
import type { Logger } from '../../telemetry/logger.js'
import type { Tracing } from '../../telemetry/tracing/tracing.js'
import { CalleeWatch } from '../replicas/callee-watch.js'
import { StreamClient } from '../stream/stream-client.js'
import type { Transport } from '../transport/transport.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { fingerprintPrefix } from '../wire/frame.js'
import { DEFAULT_MAX_MESSAGE_BYTES } from '../wire/parts.js'
import { AnswerReader } from './answer-reader.js'
import { CallLine, type CallLineOptions } from './call-line.js'
import { CancelNotices } from './cancel-notices.js'
import type { CallTarget, Target } from './pending-call.js'
import { PendingCalls } from './pending-calls.js'
import { RemoteCalls, type RemoteCallsOptions } from './remote-calls.js'
import { RequestSender } from './request-sender.js'
import { Retrier } from './retrier.js'
import { RetryBudget } from './retry-budget.js'
import { Sweep } from './sweep.js'

export interface RpcClientOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
  /**
   * Maximum size of a request or answer, in bytes. What exceeds the broker's message size is sent
   * in parts.
   * @default DEFAULT_MAX_MESSAGE_BYTES
   */
  readonly maxMessageBytes?: number | undefined
  /** Maximum number of calls sent as one message; 1 sends each alone. @default 64 */
  readonly maxBatch?: number | undefined
  /**
   * How long the owner of a key may be silent before its calls count as lost, in milliseconds.
   * @default 24000
   */
  readonly frozenMs?: number | undefined
}

export class RpcClient {
  readonly #replica: string
  readonly #streams: StreamClient
  readonly #pending: PendingCalls
  readonly #watch: CalleeWatch
  readonly #damaged: DamagedFrames
  readonly #lines: CallLineOptions
  readonly #calls: RemoteCallsOptions
  readonly #budgets = new Map<string, RetryBudget>()

  constructor(options: RpcClientOptions) {
    const { transport, maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = options
    const { inbox } = transport
    const own = { ...options, maxMessageBytes, fingerprint: fingerprintPrefix(options.fingerprint) }
    const writer = new Writer()
    const sweep = new Sweep()
    const damaged = new DamagedFrames(options.log, { message: 'an answer cannot be understood', kind: 'answer' })
    const pending = new PendingCalls(`${inbox}.r.`, { sweep, cancels: new CancelNotices(own, writer) })
    const streams = new StreamClient({ ...own, number: () => pending.number(), onOpening: () => sweep.begin() })
    const sender = new RequestSender(own, { pending, writer })
    const answers = new AnswerReader({ pending, sender, maxMessageBytes, damaged })
    transport.subscribe(`${inbox}.r.*`, (message) => answers.onMessage(message))
    const watch = new CalleeWatch({ ...options, inbox: `${inbox}.a.` }, writer)
    sweep.add((now) => {
      if (watch.isDue(now)) watch.look([pending.values(), streams.opening], now)
      return streams.opening.size > 0
    })
    const retrier = new Retrier(transport)
    transport.onConnection((isConnected) => {
      if (isConnected) retrier.onReconnected()
      else if (!transport.isCrossing) pending.disconnect()
    })
    transport.onMove({ leave: () => streams.whenNoneIsOpen(), settle: () => pending.whenNoneWaits() })
    this.#replica = options.replica
    this.#streams = streams
    this.#pending = pending
    this.#watch = watch
    this.#damaged = damaged
    this.#lines = { ...own, pending, sender, writer }
    this.#calls = { streams, retrier, tracing: options.tracing }
  }

  /** Number of calls that wait for an answer or to be sent, and of open streams. */
  get inFlight(): number {
    return this.#pending.size + this.#streams.inFlight
  }

  /** Resolves when a replica serves the component. @throws the signal's reason when it aborts */
  whenServed(component: string, signal: AbortSignal): Promise<void> {
    return this.#watch.whenKnown(component, signal)
  }

  /** The calls of a stub; `caller` is the component that holds it. */
  invoker(of: CallTarget, caller: string): Calls {
    this.#watch.add(of.component)
    const target: Target = {
      ...of,
      budget: this.#budget(of.component),
      damaged: this.#damaged,
      waiting: 0,
      slowness: 0,
      caller: { component: caller, replica: this.#replica },
      stats: of.methods.map(({ name }) => callStats({ caller, component: of.component, method: name, isRemote: true })),
      limitsMs: limitsOf(of.methods, of),
    }
    return new RemoteCalls(new CallLine(target, this.#lines), this.#calls)
  }

  #budget(component: string): RetryBudget {
    const found = this.#budgets.get(component) ?? new RetryBudget(processNow())
    this.#budgets.set(component, found)
    return found
  }
}
