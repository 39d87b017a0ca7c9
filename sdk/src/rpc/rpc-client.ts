/**
 * The calling side. One reply subject per call under the weavelet's inbox, one wildcard subscription, a map of pending calls and one coarse timer for their
 * deadlines; a call that succeeds makes no Error and no timer of its own.
 *
 * I1  A pending call is settled exactly once: by its answer, the broker's "no responders", its deadline, its caller's signal, or the loss of the connection.
 * I2  A call is sent again only when it surely did not run, or when its method may run twice; never past its deadline.
 * I3  `mayHaveRun` speaks of the call, not of its last attempt: once it may have run, no later attempt takes that back.
 */
import { codecError } from '../codec/codec-error.js'
import type { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import type { Calls, MethodBinding } from '../component/binding.js'
import { callSubject, inboxPrefix, replicaCallSubject } from '../contract/subjects.js'
import { context, NEVER, type CallContext } from './context.js'
import { readError } from './error-codec.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, readKind, writeRequestHead } from './frame.js'
import { callStats, type CallStats } from '../telemetry/call-stats.js'
import type { Logger } from '../telemetry/logger.js'
import { measuredCall, measureStream } from '../telemetry/measured-call.js'
import type { Tracing } from '../telemetry/tracing.js'
import { RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import type { Route } from './route.js'
import { StreamClient, type StreamCall } from './stream-client.js'
import type { IncomingMessage, Transport } from './transport.js'

export const DEFAULT_TIMEOUT_MS = 30_000
/** Cancellations of a component's calls go to all its replicas: a queue group would hand them to the wrong one. */
export const CANCEL_TOKEN = '_cancel'
const SWEEP_MS = 20
/** How long a call is offered again when nobody listens: longer than a replica takes to move, shorter than a user waits. */
const UNAVAILABLE_WINDOW_MS = 1_000
/** How long a call waits for a lost connection to come back, over all its attempts. */
const RECONNECT_WINDOW_MS = 2_000
const MAX_RETRIES = 3
const BACKOFF_MS = { first: 5, most: 200 } as const

export interface CallTarget {
  readonly component: string
  readonly methods: readonly MethodBinding[]
  readonly notRetriable: ReadonlySet<string>
  readonly timeoutMs: Readonly<Record<string, number | undefined>>
  /** Absent: none of its methods is routed. */
  readonly route?: Route | undefined
}

interface Pending {
  readonly deadline: number
  resolve(answer: Uint8Array): void
  reject(error: RemoteCallError): void
}

export interface RpcClientOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
}

export class RpcClient {
  readonly #transport: Transport
  readonly #options: RpcClientOptions
  readonly #fingerprint: Uint8Array
  readonly #inbox: string
  readonly #pending = new Map<string, Pending>()
  readonly #writer = new Writer()
  readonly #streams: StreamClient
  readonly #reconnected = new Set<() => void>()
  #next = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(options: RpcClientOptions) {
    this.#options = options
    this.#transport = options.transport
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#streams = new StreamClient({ ...options, fingerprint: this.#fingerprint })
    this.#inbox = `${inboxPrefix(options.deploymentId, options.replica)}.r`
    this.#transport.subscribe(`${this.#inbox}.*`, (message) => this.#onAnswer(message))
    this.#transport.onConnection((isConnected) => this.#onConnection(isConnected))
  }

  /** Calls that wait for an answer, and streams that are open. */
  get inFlight(): number {
    return this.#pending.size + this.#streams.inFlight
  }

  /** What a stub calls. `caller` is the component that holds the stub. */
  invoker(target: CallTarget, caller: string): Calls {
    const stats = target.methods.map(({ name }) => callStats({ caller, component: target.component, method: name, isRemote: true }))
    return {
      call: (method, args) => {
        const binding = target.methods[method] as MethodBinding // the stub and this list come from one generated file
        const counted = stats[method] as CallStats // as above
        counted.begin()
        const span = this.#options.tracing?.startCall({ component: target.component, method: binding.name, isRemote: true })
        return measuredCall(counted, span, () => this.#call(target, { method, args, caller, binding, counted }))
      },
      stream: (method, args) => {
        const call = streamCall(target, { method, args, caller })
        const span = this.#options.tracing?.startCall({ component: target.component, method: call.binding.name, isRemote: true })
        const open = (): AsyncIterable<unknown> =>
          this.#streams.stream({ ...call, observe: () => measureStream(stats[method] as CallStats, span) }) // stats has one for each method
        return span === undefined ? open() : span.run(open)
      },
    }
  }

  async #call(
    target: CallTarget,
    call: {
      readonly method: number
      readonly args: readonly unknown[]
      readonly caller: string
      readonly binding: MethodBinding
      readonly counted: CallStats
    },
  ): Promise<unknown> {
    const { binding } = call
    if (binding.input !== undefined) return this.#streams.call(streamCall(target, call))
    const now = context()
    const started = Date.now()
    const deadline = Math.min(now.deadline ?? Infinity, started + (target.timeoutMs[binding.name] ?? DEFAULT_TIMEOUT_MS))
    const what = `${target.component}.${binding.name}`
    let owner = target.route?.ownerFor(binding.name, call.args)
    let mayHaveRun = false
    let lostAt: number | undefined
    for (let retry = 0; ; retry++) {
      try {
        if (!this.#transport.isConnected) {
          lostAt ??= Date.now()
          await this.#connection(what, { until: Math.min(deadline, lostAt + RECONNECT_WINDOW_MS), signal: now.signal })
        }
        const answer = await this.#attempt(target, { ...call, what, now, deadline, owner })
        return decodeAnswer(answer, { binding, what })
      } catch (error) {
        if (!(error instanceof RemoteCallError)) throw error
        mayHaveRun ||= error.mayHaveRun
        if (owner !== undefined && error.code === 'WEAVER_RPC_UNAVAILABLE') {
          // The owner of its key has gone: any other replica will do, and nothing is to be waited for.
          target.route?.onUnreachable(owner)
          owner = undefined
          continue
        }
        const wait = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(retry, 10)) * (0.5 + Math.random() / 2)
        if (!this.#mayRetry(error, { target, binding, retry, started }) || Date.now() + wait >= deadline)
          throw mayHaveRun ? mayHaveRunError(error) : error
        await pause(wait, now.signal)
      }
    }
  }

  /** I2 */
  #mayRetry(
    error: RemoteCallError,
    at: {
      readonly target: CallTarget
      readonly binding: MethodBinding
      readonly retry: number
      readonly started: number
    },
  ): boolean {
    if (error.code === 'WEAVER_RPC_UNAVAILABLE') return Date.now() < at.started + UNAVAILABLE_WINDOW_MS
    if (error.code !== 'WEAVER_RPC_DISCONNECTED' || at.retry >= MAX_RETRIES) return false
    return !error.mayHaveRun || !at.target.notRetriable.has(at.binding.name)
  }

  /** Waits for a lost connection to return; a message sent meanwhile would be lost without a word. */
  async #connection(what: string, wait: { readonly until: number; readonly signal: AbortSignal }): Promise<void> {
    const back = new AbortController()
    const onBack = (): void => back.abort()
    this.#reconnected.add(onBack)
    await pause(wait.until - Date.now(), AbortSignal.any([back.signal, wait.signal]))
    this.#reconnected.delete(onBack)
    if (!this.#transport.isConnected && !wait.signal.aborted)
      throw failure('WEAVER_RPC_DISCONNECTED', `${what} was not sent: there is no connection to the broker`, false)
  }

  #attempt(
    target: CallTarget,
    call: {
      readonly method: number
      readonly args: readonly unknown[]
      readonly caller: string
      readonly binding: MethodBinding
      readonly counted: CallStats
      readonly what: string
      readonly now: CallContext
      readonly deadline: number
      /** The replica that owns the key of the call. */
      readonly owner: string | undefined
    },
  ): Promise<Uint8Array> {
    const { now, what, deadline } = call
    if (now.signal.aborted) throw abandoned(now.signal, what, false)
    const timeLeftMs = deadline - Date.now()
    if (timeLeftMs <= 0) throw failure('WEAVER_RPC_DEADLINE', `${what} was not sent: its deadline has passed`, false)
    const reply = `${this.#inbox}.${(this.#next++).toString(36)}`
    const frame = this.#encode(call, timeLeftMs)
    if (frame.length > this.#transport.maxPayloadBytes)
      throw failure(
        'WEAVER_RPC_TOO_LARGE',
        `${what}: the arguments take ${frame.length} bytes, the broker's limit is ${this.#transport.maxPayloadBytes}; send less, or raise max_payload`,
        false,
      )
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        settle(() => reject(abandoned(now.signal, what, true)))
        this.#cancel(target.component, reply)
      }
      const settle = (outcome: () => void): void => {
        if (!this.#pending.delete(reply)) return
        now.signal.removeEventListener('abort', onAbort)
        outcome()
      }
      this.#pending.set(reply, {
        deadline,
        resolve: (answer) =>
          settle(() => {
            call.counted.bytes(frame.length, answer.length)
            resolve(answer)
          }),
        reject: (error) =>
          error.code === 'WEAVER_RPC_DEADLINE'
            ? // The callee knows how long it has: it is not told again.
              settle(() => reject(failure('WEAVER_RPC_DEADLINE', `${what} was not answered before its deadline`, true)))
            : settle(() => reject(failure(error.code as RemoteCallCode, `${what}: ${error.message}`, error.mayHaveRun))),
      })
      if (now.signal !== NEVER) now.signal.addEventListener('abort', onAbort, { once: true })
      this.#watchDeadlines()
      try {
        const { deploymentId } = this.#options
        const { component } = target
        const subject =
          call.owner === undefined ? callSubject(deploymentId, component) : replicaCallSubject(deploymentId, component, call.owner)
        this.#transport.publish(subject, frame, reply)
      } catch (error) {
        settle(() => reject(error as Error))
      }
    })
  }

  #encode(
    call: {
      readonly method: number
      readonly args: readonly unknown[]
      readonly caller: string
      readonly binding: MethodBinding
      readonly what: string
      readonly now: CallContext
    },
    timeLeftMs: number,
  ): Uint8Array {
    const { now } = call
    const w = this.#writer
    try {
      writeRequestHead(
        w,
        {
          method: call.method,
          timeLeftMs: Math.min(Math.ceil(timeLeftMs), 0xffffffff),
          metadata: now.metadata,
          caller: { component: call.caller, replica: this.#options.replica },
          ...(now.traceparent === undefined ? {} : { traceparent: now.traceparent }),
          ...(now.tracestate === undefined ? {} : { tracestate: now.tracestate }),
        },
        this.#fingerprint,
      )
      call.binding.encodeArgs(w, call.args)
      return w.finish()
    } catch (cause) {
      w.reset()
      throw codecError(`${call.what} was not sent: its arguments cannot be: ${cause instanceof Error ? cause.message : 'unknown'}`, cause)
    }
  }

  /** Best effort: the callee that has it aborts its signal; everybody else ignores it. */
  #cancel(component: string, reply: string): void {
    if (!this.#transport.isConnected) return
    const w = new Writer(64)
    w.u8(FRAME_VERSION)
    w.u8(KIND.cancel)
    w.string(reply)
    try {
      this.#transport.publish(replicaCallSubject(this.#options.deploymentId, component, CANCEL_TOKEN), w.finish())
    } catch (error) {
      this.#options.log.warn('a callee could not be told that its caller has gone; it runs on', { component, err: error })
    }
  }

  #onAnswer(message: IncomingMessage): void {
    const pending = this.#pending.get(message.subject)
    if (pending === undefined) return // answered too late: its caller has gone
    if (message.isNoResponders) pending.reject(failure('WEAVER_RPC_UNAVAILABLE', 'no replica of it is up', false))
    // The callee's own timer fires at the same moment; what it makes of that is no answer any more.
    else if (pending.deadline <= Date.now()) pending.reject(failure('WEAVER_RPC_DEADLINE', '', true))
    else pending.resolve(message.data)
  }

  #onConnection(isConnected: boolean): void {
    if (!isConnected) {
      for (const pending of this.#pending.values())
        pending.reject(failure('WEAVER_RPC_DISCONNECTED', 'the connection to the broker was lost before the answer came', true))
      return
    }
    const waiting = [...this.#reconnected]
    this.#reconnected.clear()
    for (const back of waiting) back()
  }

  #watchDeadlines(): void {
    if (this.#sweep !== undefined) return
    this.#sweep = setInterval(() => {
      const now = Date.now()
      for (const pending of this.#pending.values()) if (pending.deadline <= now) pending.reject(failure('WEAVER_RPC_DEADLINE', '', true))
      if (this.#pending.size > 0) return
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }, SWEEP_MS)
  }
}

function streamCall(
  target: CallTarget,
  call: { readonly method: number; readonly args: readonly unknown[]; readonly caller: string },
): StreamCall {
  const binding = target.methods[call.method] as MethodBinding // the stub and this list come from one generated file
  return {
    ...call,
    component: target.component,
    binding,
    openTimeoutMs: target.timeoutMs[binding.name] ?? DEFAULT_TIMEOUT_MS,
    route: target.route,
  }
}

function failure(code: RemoteCallCode, message: string, mayHaveRun: boolean): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun })
}

/** I3 */
function mayHaveRunError(error: RemoteCallError): RemoteCallError {
  if (error.mayHaveRun) return error
  const { code, message, cause, details } = error
  return new RemoteCallError(code as RemoteCallCode, `${message}; an earlier attempt of this call may have run`, {
    mayHaveRun: true,
    cause,
    details,
  })
}

/** The caller's signal has fired: a time limit of its own is a deadline, anything else a cancellation. */
function abandoned(signal: AbortSignal, what: string, isSent: boolean): RemoteCallError {
  const cause: unknown = signal.reason
  const isTimeout = typeof cause === 'object' && cause !== null && 'name' in cause && cause.name === 'TimeoutError'
  const why = isTimeout ? 'its deadline has passed' : 'its caller has given up'
  return new RemoteCallError(
    isTimeout ? 'WEAVER_RPC_DEADLINE' : 'WEAVER_RPC_CANCELLED',
    isSent ? `${what} is abandoned: ${why}` : `${what} was not sent: ${why}`,
    { mayHaveRun: isSent, cause },
  )
}

/** Resolves after that time, or as soon as the signal fires. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Runs in the continuation of the caller, so that decoded values die young. */
function decodeAnswer(bytes: Uint8Array, call: { readonly binding: MethodBinding; readonly what: string }): unknown {
  const { kind, reader } = readKind(bytes)
  let error: unknown
  try {
    switch (kind) {
      case KIND.result:
        return call.binding.decodeResult(reader)
      case KIND.error:
        error = readError(reader)
        break
      case KIND.failure:
        error = readFailure(reader, call.what)
        break
      default:
        error = failure('WEAVER_RPC_PROTOCOL', `${call.what}: the answer is no frame that this release knows`, true)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new RemoteCallError('WEAVER_RPC_PROTOCOL', `${call.what}: the answer cannot be decoded: ${why}`, { mayHaveRun: true, cause })
  }
  throw error
}

function readFailure(reader: Reader, what: string): RemoteCallError {
  const code = reader.string() as RemoteCallCode // written by rpc-server.ts of the same build, or shown as it is
  return failure(code, `${what}: ${reader.string()}`, reader.bool())
}
