/**
 * Calls between components of one process: no bytes, no broker, and the callee has its own context,
 * as if the call came from outside. The direct path of a call is `enter` and `leave`; calls that
 * are timed, traced, copied or routed, or that come too early, take the other one. A call inside
 * another one has limits, at which a watcher releases its caller (local-wait.ts).
 */
import type { Calls, ComponentBinding, LocalCalls, MethodBinding } from '../component/binding.js'
import { WeaverError } from '../contract/errors.js'
import { calleeContext, derive, enterContext, leaveContext, OUTSIDE, runInContext, scope, type Scope } from '../context/context.js'
import { hasLimits, LocalWait, runWithLimits, waitFor } from './local-wait.js'
import { processNow } from '../context/process-clock.js'
import type { Route } from '../rpc/replicas/route.js'
import { localInputCall, localStream, type LocalStreamCall } from './stream-local.js'
import { limitsOf } from '../context/time-limit.js'
import { turnNow } from '../context/turn-clock.js'
import { callStats, type CallStats } from '../telemetry/call-stats.js'
import { measuredCall, measureStream } from '../telemetry/measured-call.js'
import type { Tracing } from '../telemetry/tracing/tracing.js'
import { copyArgs, copyItems, copyResult } from './local-copy.js'

/** Shorter limits are counted from the exact moment of the call. */
const ROUGH_FROM_MS = 10_000

type Method = (...args: readonly unknown[]) => Promise<unknown>

export interface LocalTarget {
  readonly name: string
  /** The object with the methods. */
  readonly target: object
  readonly isStarted: boolean
}

export interface LocalCaller {
  readonly caller: { readonly component: string; readonly replica: string }
  readonly tracing: Tracing | undefined
  /** Whether arguments and results are copied, as between processes. */
  readonly isCopied?: boolean
  /**
   * Time limit of calls if neither method nor component sets one, in milliseconds.
   * @default 30000
   */
  readonly defaultTimeoutMs?: number | undefined
  readonly routed?: RoutedCalls | undefined
}

/** Calls of a routed component. */
export interface RoutedCalls {
  /** Decides which calls belong to another replica. */
  readonly route: Route
  /** Calls of the other replicas; `undefined` if there are none. */
  readonly calls: Calls | undefined
  /**
   * False while no other process can be reached: routing is a preference, and this process can
   * answer.
   */
  readonly isConnected: () => boolean
}

export class LocalGate implements LocalCalls {
  readonly #target: LocalTarget
  readonly #methods: readonly MethodBinding[]
  readonly #caller: { readonly component: string; readonly replica: string }
  /** Component and method, for messages. */
  readonly #names: readonly string[]
  readonly #stats: readonly CallStats[]
  readonly #timeoutsMs: readonly number[]
  readonly #tracing: Tracing | undefined
  /**
   * By method. A stream needs its context at each item, and the owner of a routed call is known
   * only from its arguments.
   */
  readonly #isStraight: readonly boolean[]
  readonly #isCopied: boolean
  readonly #routed: RoutedCalls | undefined
  /** By method: contexts of callees called in this turn from outside of any call. */
  readonly #outside: (Scope | undefined)[]
  #outsideAt = 0

  constructor(target: LocalTarget, binding: ComponentBinding, from: LocalCaller) {
    const { caller } = from
    const { options } = binding.token
    this.#tracing = from.tracing
    this.#isCopied = from.isCopied === true
    this.#routed = from.routed
    this.#target = target
    this.#methods = binding.methods
    this.#caller = caller
    this.#names = binding.methods.map(({ name }) => `${target.name}.${name}`)
    this.#stats = binding.methods.map(({ name }) =>
      callStats({ caller: caller.component, component: target.name, method: name, isRemote: false }),
    )
    this.#timeoutsMs = limitsOf(binding.methods, {
      timeoutMs: options.timeoutMs,
      defaultTimeoutMs: options.defaultTimeoutMs ?? from.defaultTimeoutMs,
    })
    this.#outside = binding.methods.map(() => undefined)
    const routed = from.routed === undefined ? {} : (options.router ?? {})
    this.#isStraight = binding.methods.map(({ name, isStream, input }) => isStream !== true && input === undefined && !(name in routed))
  }

  enter(method: number): Scope | undefined {
    if (this.#isStraight[method] !== true || !this.#target.isStarted || (this.#stats[method] as CallStats).begin()) return undefined // stub and methods come from one generated file
    if (this.#isCopied || this.#tracing?.isSampled() === true) return undefined
    const outer = scope()
    const inner = outer === OUTSIDE ? this.#ofOutside(method) : this.#ofCall(method, outer)
    if (inner !== undefined) enterContext(inner)
    return inner
  }

  leave<R>(inner: Scope, result: R): R {
    if (inner instanceof LocalWait) {
      leaveContext(inner.outer)
      return inner.until(result) as R // a promise, since the method returns one
    }
    leaveContext(OUTSIDE)
    return result
  }

  fail<R>(inner: Scope, error: unknown): R {
    leaveContext(inner instanceof LocalWait ? inner.outer : OUTSIDE)
    return Promise.reject(error as Error) as R // what it threw, as a promise, like a remote call
  }

  /**
   * Calls of one turn from outside of any call are indistinguishable: their callees share one
   * context.
   */
  #ofOutside(method: number): Scope {
    const timeoutMs = this.#timeoutsMs[method] as number // stub and methods come from one generated file
    const at = timeoutMs < ROUGH_FROM_MS ? processNow() : turnNow()
    if (at !== this.#outsideAt) {
      this.#outsideAt = at
      this.#outside.fill(undefined)
    }
    return (this.#outside[method] ??= calleeContext(OUTSIDE, this.#caller, { timeoutMs, at }))
  }

  #ofCall(method: number, outer: Scope): Scope | undefined {
    if (!hasLimits(outer)) return undefined
    return waitFor(this.#names[method] as string, outer, { caller: this.#caller, timeoutMs: this.#timeoutsMs[method] as number }) // stub and methods come from one generated file
  }

  call(method: number, args: readonly unknown[]): Promise<unknown> {
    try {
      return this.#call(method, args)
    } catch (error) {
      return Promise.reject(error as Error) // as by RPC: a router threw, or the component has not started
    }
  }

  #call(method: number, args: readonly unknown[]): Promise<unknown> {
    const binding = this.#methods[method] as MethodBinding // stub and methods come from one generated file
    const { name } = binding
    const { name: component, target } = this.#target
    const elsewhere = this.#elsewhere(name, args)
    if (elsewhere !== undefined) return elsewhere.call(method, args)
    this.#checkStarted(name)
    const stats = this.#stats[method] as CallStats // stub and methods come from one generated file
    if (this.#isStraight[method] !== true) stats.begin() // enter() did not count it
    const span = this.#tracing?.startCall({ component, method: name, isRemote: false })
    const run = (target as Record<string, Method>)[name] as Method // its class was type-checked against the interface
    const body =
      binding.input === undefined
        ? () => this.#runWhole(method, args, (given) => run.apply(target, given as unknown[])) // not shared with other code
        : () => this.#runInput(binding, args, (given) => run.apply(target, given as unknown[])) // not shared with other code
    return measuredCall(stats, span, body)
  }

  #runWhole(method: number, args: readonly unknown[], body: (args: readonly unknown[]) => Promise<unknown>): Promise<unknown> {
    const binding = this.#methods[method] as MethodBinding // stub and methods come from one generated file
    const outer = scope()
    const inner = calleeContext(outer, this.#caller, { timeoutMs: this.#timeoutsMs[method] as number, at: processNow() }) // stub and methods come from one generated file
    const run = (given: readonly unknown[]): Promise<unknown> =>
      hasLimits(outer) ? runWithLimits(this.#names[method] as string, inner, () => body(given)) : runInContext(inner, () => body(given))
    return this.#isCopied
      ? run(copyArgs(this.#names[method] as string, binding, args)).then((result) =>
          copyResult(this.#names[method] as string, binding, result),
        )
      : run(args)
  }

  async #runInput(
    binding: MethodBinding,
    args: readonly unknown[],
    body: (args: readonly unknown[]) => Promise<unknown>,
  ): Promise<unknown> {
    const result = await localInputCall(this.#streamCall(binding, args), body)
    return this.#isCopied ? copyResult(`${this.#target.name}.${binding.name}`, binding, result) : result
  }

  stream(method: number, args: readonly unknown[]): AsyncIterable<unknown> {
    const binding = this.#methods[method] as MethodBinding // stub and methods come from one generated file
    try {
      return this.#elsewhere(binding.name, args)?.stream(method, args) ?? this.#streamHere(method, binding, args)
    } catch (error) {
      return failing(error) // as by RPC: a router threw, or an argument cannot be copied
    }
  }

  #streamHere(method: number, binding: MethodBinding, args: readonly unknown[]): AsyncIterable<unknown> {
    const { name } = binding
    const { name: component } = this.#target
    const span = this.#tracing?.startCall({ component, method: name, isRemote: false })
    const observe = () => measureStream(this.#stats[method] as CallStats, span) // the same
    const open = (): AsyncIterable<unknown> =>
      localStream({ ...this.#streamCall(binding, args), observe }, (given) => {
        this.#checkStarted(name)
        const { target } = this.#target // a lazy ref has none earlier
        const run = (target as Record<string, (...args: readonly unknown[]) => AsyncIterable<unknown>>)[name] // as in call()
        return run?.apply(target, [...given]) as AsyncIterable<unknown> // the binding names methods of this class
      })
    const items = span === undefined ? open() : span.run(open)
    return this.#isCopied
      ? copyItems(this.#names[method] as string, items, (item) => copyResult(this.#names[method] as string, binding, item))
      : items
  }

  /** A stream has its caller's deadline only, however long it lasts. */
  #streamCall(binding: MethodBinding, args: readonly unknown[]): LocalStreamCall {
    const outer = scope()
    return {
      what: `${this.#target.name}.${binding.name}`,
      outer,
      inner: derive(outer, { caller: this.#caller, timeoutMs: undefined }),
      args: this.#isCopied ? copyArgs(`${this.#target.name}.${binding.name}`, binding, args) : args,
      input: binding.input?.position,
    }
  }

  /**
   * The replica that a call belongs to, if another one.
   * @throws what a router throws; WeaverError `WEAVER_ROUTING_KEY`
   */
  #elsewhere(name: string, args: readonly unknown[]): Calls | undefined {
    if (this.#routed === undefined) return undefined
    const { calls, isConnected, route } = this.#routed
    const owner = route.ownerFor(name, args)
    return owner === undefined || owner === this.#caller.replica || !isConnected() ? undefined : calls
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

// oxlint-disable-next-line require-yield -- it has no items
async function* failing(error: unknown): AsyncGenerator<never, void, undefined> {
  throw error
}
