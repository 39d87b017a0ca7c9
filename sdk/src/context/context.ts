/** The ambient context of a call: it follows the code through awaits, and crosses RPCs. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Cancellation } from './cancellation.js'
import { aheadOfWallMs } from './process-clock.js'
import { announceCopy } from './sdk-copies.js'
import { checkCallLimits, deadlineOf } from './time-limit.js'

export interface CallContext {
  /** Aborts when the caller gives up or the deadline passes. */
  readonly signal: AbortSignal
  /**
   * When the answer is no longer wanted, epoch milliseconds. `undefined`: no limit yet; the next
   * call gets its method's default.
   */
  readonly deadline?: number | undefined
  /**
   * Time limit of each call made directly from here, in milliseconds, in place of its method's
   * limit, but never beyond `deadline`. Set by `withContext`; callees do not inherit it.
   */
  readonly timeoutMs?: number | undefined
  /** Small strings that accompany every call made from here. */
  readonly metadata: Readonly<Record<string, string>>
  /** W3C `traceparent`, as received. */
  readonly traceparent?: string | undefined
  /** W3C `tracestate`, which tracing vendors add. */
  readonly tracestate?: string | undefined
  /** The calling component and replica; absent at an entry such as an HTTP request. */
  readonly caller?: Caller | undefined
}

export interface Caller {
  readonly component: string
  readonly replica: string
}

/**
 * The signal of code outside of any call. Nothing listens to it: all calls of the process would
 * share one list.
 */
export const NEVER: AbortSignal = new AbortController().signal

/**
 * A context inside the SDK: its signal is created when requested. Use `derive` for a changed copy;
 * a spread would lose the signal.
 */
export class Scope implements CallContext {
  readonly metadata: Readonly<Record<string, string>>
  readonly caller: Caller | undefined
  /** By the process clock; `context()` converts it to wall time. */
  readonly deadline: number | undefined
  readonly timeoutMs: number | undefined
  readonly traceparent: string | undefined
  readonly tracestate: string | undefined
  readonly #cancellation: Cancellation | undefined

  constructor(from: Omit<CallContext, 'signal'>, cancellation: Cancellation | undefined) {
    this.metadata = from.metadata
    this.caller = from.caller
    this.deadline = from.deadline
    this.timeoutMs = from.timeoutMs
    this.traceparent = from.traceparent
    this.tracestate = from.tracestate
    this.#cancellation = cancellation
  }

  /** Absent outside of any call. */
  get cancellation(): Cancellation | undefined {
    return this.#cancellation
  }

  get signal(): AbortSignal {
    return this.cancellation?.signal ?? NEVER
  }
}

announceCopy()
const storage = new AsyncLocalStorage<Scope | undefined>()
export const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({})
/** The context of code outside of any call. */
export const OUTSIDE: Scope = new Scope({ metadata: NO_METADATA }, undefined)

/**
 * The context of the running code. Outside of any call it has no deadline, no metadata, and a
 * signal that never aborts.
 */
export function context(): CallContext {
  const now = scope()
  if (now.deadline === undefined) return now
  const aheadMs = aheadOfWallMs()
  return aheadMs === 0 ? now : derive(now, { deadline: now.deadline - aheadMs })
}

/** Like {@link context}, inside the SDK: its deadline is by the process clock. */
export function scope(): Scope {
  return storage.getStore() ?? OUTSIDE
}

/**
 * Runs `body` with parts of its context replaced: metadata is merged, a deadline can only become
 * earlier, signals are combined. `deadline` limits everything that runs inside; `timeoutMs` applies
 * to each call made directly there, and may exceed its method's limit.
 * @throws RangeError for a `timeoutMs` that is not more than 0 and less than 2^32, or a `deadline`
 * that is not a number; `body` does not run
 */
export function withContext<T>(change: Partial<Omit<CallContext, 'caller'>>, body: () => T): T {
  checkCallLimits(change)
  const now = scope()
  const own = change.deadline === undefined ? undefined : change.deadline + aheadOfWallMs()
  const deadlines = [now.deadline, own].filter((d) => d !== undefined)
  return runInContext(
    derive(now, {
      ...(change.traceparent === undefined ? {} : { traceparent: change.traceparent }),
      ...(change.tracestate === undefined ? {} : { tracestate: change.tracestate }),
      ...(deadlines.length === 0 ? {} : { deadline: Math.min(...deadlines) }),
      ...(change.timeoutMs === undefined ? {} : { timeoutMs: change.timeoutMs }),
      ...(change.metadata === undefined ? {} : { metadata: { ...now.metadata, ...change.metadata } }),
      ...(change.signal === undefined
        ? {}
        : { signal: now.cancellation === undefined ? change.signal : AbortSignal.any([now.signal, change.signal]) }),
    }),
    body,
  )
}

/** A copy of a context, with parts of it replaced. */
export function derive(from: CallContext, change: Partial<CallContext>): Scope {
  return new Scope(
    { ...fieldsOf(from), ...change },
    change.signal === undefined ? cancellationOf(from) : cancellationOf({ signal: change.signal }),
  )
}

/**
 * The context of a callee in the same process: the caller's, with the caller's identity and the
 * call's time limit.
 * @param timeoutMs of the method
 * @param at when the call is made, by the process clock
 */
export function calleeContext(outer: Scope, caller: Caller, { timeoutMs, at }: { readonly timeoutMs: number; readonly at: number }): Scope {
  const { metadata, traceparent, tracestate, cancellation } = outer
  return new Scope({ metadata, deadline: deadlineOf(outer, timeoutMs, at), traceparent, tracestate, caller }, cancellation)
}

/** Runs a method in exactly this context. A served call uses it to avoid allocating a function. */
export function applyInContext<R>(
  inner: Scope,
  method: (...args: unknown[]) => R,
  on: { readonly self: object; readonly args: readonly unknown[] },
): R {
  return storage.run(inner, apply<R>, method, on)
}

function apply<R>(method: (...args: unknown[]) => R, { self, args }: { readonly self: object; readonly args: readonly unknown[] }): R {
  return method.apply(self, args as unknown[]) // not shared with other code
}

/**
 * Makes this the context of the following code, until `leaveContext` in the same synchronous piece
 * of code. It applies to what is called in between, and to its asynchronous continuations. Like
 * `runInContext`, but without allocating a function.
 */
export function enterContext(inner: Scope): void {
  storage.enterWith(inner)
}

/** @param outer the result of `scope()` before */
export function leaveContext(outer: Scope): void {
  storage.enterWith(outer === OUTSIDE ? undefined : outer)
}

/** Runs a callee in exactly this context. */
export function runInContext<T>(inner: CallContext, body: () => T): T {
  return storage.run(inner instanceof Scope ? inner : derive(inner, {}), body)
}

function fieldsOf({ metadata, caller, deadline, timeoutMs, traceparent, tracestate }: CallContext): Omit<CallContext, 'signal'> {
  return { metadata, caller, deadline, timeoutMs, traceparent, tracestate }
}

function cancellationOf(from: Pick<CallContext, 'signal'>): Cancellation | undefined {
  if (from instanceof Scope) return from.cancellation
  return from.signal === NEVER ? undefined : Cancellation.of(from.signal)
}
