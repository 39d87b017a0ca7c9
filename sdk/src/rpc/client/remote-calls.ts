/**
 * The calls of one stub: each is counted, timed and traced, has its context's limits, and is
 * retried if that may help.
 */
import type { Calls, MethodBinding } from '../../component/binding.js'
import { scope } from '../../context/context.js'
import { processNow } from '../../context/process-clock.js'
import { deadlineOf } from '../../context/time-limit.js'
import type { CallStats } from '../../telemetry/call-stats.js'
import { measureStream } from '../../telemetry/measured-call.js'
import type { CallSpan, Tracing } from '../../telemetry/tracing/tracing.js'
import type { StreamCall } from '../stream/stream-client-call.js'
import type { StreamClient } from '../stream/stream-client.js'
import type { CallLine } from './call-line.js'
import { decodeAnswer, isPlatformFailure } from './decode-answer.js'
import type { Attempt } from './pending-call.js'
import type { Retrier } from './retrier.js'

export interface RemoteCallsOptions {
  readonly streams: StreamClient
  readonly retrier: Retrier
  /** Absent: calls get no spans. */
  readonly tracing: Tracing | undefined
}

export class RemoteCalls implements Calls {
  readonly #line: CallLine
  readonly #options: RemoteCallsOptions

  constructor(line: CallLine, options: RemoteCallsOptions) {
    this.#line = line
    this.#options = options
  }

  call(method: number, args: readonly unknown[]): Promise<unknown> {
    const traced = this.#span(method)
    return traced === undefined ? this.#call(method, args, undefined) : traced.run(() => this.#call(method, args, traced))
  }

  stream(method: number, args: readonly unknown[]): AsyncIterable<unknown> {
    const traced = this.#span(method)
    const stats = this.#line.target.stats[method] as CallStats // the stub and these lists come from one generated file, as below
    const open = (): AsyncIterable<unknown> =>
      this.#options.streams.stream({ ...this.#streamCall(method, args), observe: () => measureStream(stats, traced) })
    return traced === undefined ? open() : traced.run(open)
  }

  #span(method: number): CallSpan | undefined {
    const { tracing } = this.#options
    if (tracing === undefined) return undefined
    const { component, methods } = this.#line.target
    return tracing.startCall({ component, method: methods[method]?.name ?? '', isRemote: true })
  }

  async #call(method: number, args: readonly unknown[], span: CallSpan | undefined): Promise<unknown> {
    const { target } = this.#line
    const stats = target.stats[method] as CallStats
    const binding = target.methods[method] as MethodBinding
    const isTimed = stats.begin()
    const started = isTimed ? performance.now() : 0
    try {
      let result: unknown
      if (binding.input !== undefined) result = await this.#options.streams.call(this.#streamCall(method, args))
      else {
        const now = scope()
        const at = processNow()
        const deadline = deadlineOf(now, target.limitsMs[method] as number, at)
        const call: Attempt = { method, args, now, deadline, owner: target.route?.ownerFor(binding.name, args) }
        target.budget.earn()
        try {
          result = decodeAnswer(await this.#line.send(call, at), binding, target)
        } catch (error) {
          // Nearly every call succeeds at its first attempt.
          if (!isPlatformFailure(error)) throw error
          result = await this.#options.retrier.goOn(this.#line, call, error)
        }
      }
      if (isTimed) stats.end(performance.now() - started, false, span?.traceId)
      span?.end()
      return result
    } catch (error) {
      stats.end(isTimed ? performance.now() - started : undefined, true, span?.traceId)
      span?.end(error)
      throw error
    }
  }

  #streamCall(method: number, args: readonly unknown[]): StreamCall {
    const { component, caller, limitsMs, methods, route } = this.#line.target
    const binding = methods[method] as MethodBinding
    return { component, method, args, caller: caller.component, binding, openTimeoutMs: limitsMs[method] as number, route }
  }
}
