/**
 * Calls between components of one process: no bytes, no broker, and the callee in a context of its own as if the call had come from outside. The straight way
 * of a call is `enter` and `run`; calls that are timed, traced, copied or routed, that have limits of their own, or that come too early take the other one.
 */
import type { Calls, ComponentBinding, LocalCalls, MethodBinding, StreamInput } from '../component/binding.js'
import { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import { WeaverError } from '../contract/errors.js'
import { calleeContext, context, derive, runInContext, scope } from '../rpc/context.js'
import { hasLimits, runWithLimits } from '../rpc/local-wait.js'
import { DEFAULT_TIMEOUT_MS } from '../rpc/rpc-client.js'
import type { Route } from '../rpc/route.js'
import { localInputCall, localStream, type LocalStreamCall } from '../rpc/stream-local.js'
import { callStats, type CallStats } from '../telemetry/call-stats.js'
import { measuredCall, measureStream } from '../telemetry/measured-call.js'
import type { Tracing } from '../telemetry/tracing.js'

type Method = (...args: readonly unknown[]) => Promise<unknown>

export interface LocalTarget {
  readonly name: string
  /** What has the methods. */
  readonly target: object
  readonly isStarted: boolean
}

export interface LocalCaller {
  readonly caller: { readonly component: string; readonly replica: string }
  readonly tracing: Tracing | undefined
  /** Arguments and results are copied, as between processes. */
  readonly isCopied?: boolean
  /** Of a routed component: which calls belong to another replica, and how they get there. */
  readonly elsewhere?: { readonly route: Route; readonly calls: Calls }
}

export class LocalGate implements LocalCalls {
  readonly #target: LocalTarget
  readonly #methods: readonly MethodBinding[]
  readonly #caller: { readonly component: string; readonly replica: string }
  readonly #stats: readonly CallStats[]
  readonly #timeoutsMs: readonly number[]
  readonly #tracing: Tracing | undefined
  /** By method. A stream needs its context at each item, and where a routed call belongs is known by its arguments only. */
  readonly #isStraight: readonly boolean[]
  readonly #isCopied: boolean
  readonly #elsewhere: LocalCaller['elsewhere']

  constructor(target: LocalTarget, binding: ComponentBinding, from: LocalCaller) {
    const { caller } = from
    this.#tracing = from.tracing
    this.#isCopied = from.isCopied === true
    this.#elsewhere = from.elsewhere
    const timeoutMs = (binding.token.options.timeoutMs ?? {}) as Readonly<Record<string, number | undefined>> // its keys are names of methods
    this.#target = target
    this.#methods = binding.methods
    this.#caller = caller
    this.#stats = binding.methods.map(({ name }) =>
      callStats({ caller: caller.component, component: target.name, method: name, isRemote: false }),
    )
    this.#timeoutsMs = binding.methods.map(({ name }) => timeoutMs[name] ?? DEFAULT_TIMEOUT_MS)
    const routed = from.elsewhere === undefined ? {} : (binding.token.options.router ?? {})
    this.#isStraight = binding.methods.map(({ name, isStream, input }) => isStream !== true && input === undefined && !(name in routed))
  }

  enter(method: number): boolean {
    if (this.#isStraight[method] !== true || !this.#target.isStarted || (this.#stats[method] as CallStats).begin()) return false // stub and methods come from one generated file
    return !this.#isCopied && !hasLimits(scope()) && (this.#tracing === undefined || !this.#tracing.isSampled())
  }

  run<R>(method: number, body: () => R): R {
    try {
      return runInContext(calleeContext(this.#caller, this.#timeoutsMs[method] as number), body) // the same
    } catch (error) {
      // A method that throws before its first await: its caller holds a promise, as of a remote call.
      return Promise.reject(error as Error) as R
    }
  }

  async call(method: number, args: readonly unknown[]): Promise<unknown> {
    const { name, input } = this.#methods[method] as MethodBinding // the same
    const { name: component, target } = this.#target
    if (this.#isElsewhere(name, args)) return this.#elsewhere?.calls.call(method, args)
    this.#checkStarted(name)
    const stats = this.#stats[method] as CallStats // the same
    if (this.#isStraight[method] !== true) stats.begin() // enter() did not count it
    const span = this.#tracing?.startCall({ component, method: name, isRemote: false })
    const run = (target as Record<string, Method>)[name] as Method // its class was type-checked against the interface
    const body =
      input === undefined
        ? () => this.#runWhole(method, args, (given) => run.apply(target, [...given]))
        : () => localInputCall(this.#streamCall(name, args, input), (given) => run.apply(target, [...given]))
    return measuredCall(stats, span, body)
  }

  #runWhole(method: number, args: readonly unknown[], body: (args: readonly unknown[]) => Promise<unknown>): Promise<unknown> {
    const binding = this.#methods[method] as MethodBinding // the same
    const inner = calleeContext(this.#caller, this.#timeoutsMs[method] as number) // the same
    const run = (given: readonly unknown[]): Promise<unknown> =>
      hasLimits(scope())
        ? runWithLimits(`${this.#target.name}.${binding.name}`, inner, () => body(given))
        : runInContext(inner, async () => body(given))
    return this.#isCopied ? run(copyArgs(binding, args)).then((result) => copyResult(binding, result)) : run(args)
  }

  stream(method: number, args: readonly unknown[]): AsyncIterable<unknown> {
    const { name, input } = this.#methods[method] as MethodBinding // the same
    if (this.#elsewhere !== undefined && this.#isElsewhere(name, args)) return this.#elsewhere.calls.stream(method, args)
    const { name: component } = this.#target
    const span = this.#tracing?.startCall({ component, method: name, isRemote: false })
    const observe = () => measureStream(this.#stats[method] as CallStats, span) // the same
    const open = (): AsyncIterable<unknown> =>
      localStream({ ...this.#streamCall(name, args, input), observe }, (given) => {
        this.#checkStarted(name)
        const { target } = this.#target // of a lazy ref there is none before
        const run = (target as Record<string, (...args: readonly unknown[]) => AsyncIterable<unknown>>)[name] // as in call()
        return run?.apply(target, [...given]) as AsyncIterable<unknown> // the binding names methods of this class
      })
    return span === undefined ? open() : span.run(open)
  }

  /** A stream has the deadline of its caller and no other, however long it lasts. */
  #streamCall(name: string, args: readonly unknown[], input: StreamInput | undefined): LocalStreamCall {
    const outer = context()
    return { what: `${this.#target.name}.${name}`, outer, inner: derive(outer, { caller: this.#caller }), args, input: input?.position }
  }

  #isElsewhere(name: string, args: readonly unknown[]): boolean {
    const owner = this.#elsewhere?.route.ownerFor(name, args)
    return owner !== undefined && owner !== this.#caller.replica
  }

  #checkStarted(name: string): void {
    const { name: component, isStarted } = this.#target
    if (isStarted) return
    throw new WeaverError(
      'WEAVER_NOT_STARTED',
      `"${this.#caller.component}" calls ${component}.${name} before "${component}" has started; call it from init() or later, not from a constructor`,
    )
  }
}

/** What the arguments are after the way to another process. @throws WeaverError `WEAVER_CODEC_INVALID` */
function copyArgs(binding: MethodBinding, args: readonly unknown[]): readonly unknown[] {
  const w = new Writer()
  binding.encodeArgs(w, args)
  return binding.decodeArgs(new Reader(w.finish()))
}

function copyResult(binding: MethodBinding, result: unknown): unknown {
  const w = new Writer()
  binding.encodeResult(w, result)
  return binding.decodeResult(new Reader(w.finish()))
}
