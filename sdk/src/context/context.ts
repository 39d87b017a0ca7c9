/** The ambient context of a call: it follows the code through awaits and crosses RPCs. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Cancellation } from './cancellation.js'
import { aheadOfWallMs } from './process-clock.js'
import { announceCopy } from './sdk-copies.js'
import { checkCallLimits, deadlineOf } from './time-limit.js'

export interface CallContext {
  /** Aborted when the caller gave up or the deadline passed. */
  readonly signal: AbortSignal
  /** When the answer is no longer wanted, epoch milliseconds. `undefined`: no limit yet; the next call gets its method's default. */
  readonly deadline?: number | undefined
  /**
   * How long each call made directly from here may take, in milliseconds, in place of the limit of its method; never longer than until `deadline`. Set by
   * `withContext`; what is called does not have it.
   */
  readonly timeoutMs?: number | undefined
  /** Small strings that travel with every call made from here. */
  readonly metadata: Readonly<Record<string, string>>
  /** W3C `traceparent`, as received. */
  readonly traceparent?: string | undefined
  /** W3C `tracestate`, what vendors of tracing add to it. */
  readonly tracestate?: string | undefined
  /** Component and replica that called; absent at an entry such as an HTTP request. */
  readonly caller?: Caller | undefined
}

export interface Caller {
  readonly component: string
  readonly replica: string
}

/** The signal of code outside of any call. Nobody listens to it: every call of a process would stand in one list. */
export const NEVER: AbortSignal = new AbortController().signal

/** A context as the SDK keeps it: its signal is made when somebody asks. A new one is made by `derive`; a spread would lose the signal. */
export class Scope implements CallContext {
  readonly metadata: Readonly<Record<string, string>>
  readonly caller: Caller | undefined
  /** By the clock of the process: `context()` gives that of the wall. */
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
/** What code has that no call has brought here. */
export const OUTSIDE: Scope = new Scope({ metadata: NO_METADATA }, undefined)

/** The context of the code that asks. Outside of any call: no deadline, no metadata, a signal that never fires. */
export function context(): CallContext {
  const now = scope()
  if (now.deadline === undefined) return now
  const aheadMs = aheadOfWallMs()
  return aheadMs === 0 ? now : derive(now, { deadline: now.deadline - aheadMs })
}

/** The same, as the SDK keeps it: its deadline is by the clock of the process. */
export function scope(): Scope {
  return storage.getStore() ?? OUTSIDE
}

/**
 * Runs `body` with some of its context replaced: metadata is merged, a deadline can only get nearer, signals are joined. `deadline` bounds all that runs here;
 * `timeoutMs` is for each call made directly here, and may be longer than the limit of its method.
 * @throws RangeError for a `timeoutMs` that is not more than 0 and less than 2^32, and a `deadline` that is not a number; `body` does not run
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

/** A context like another, with some of it replaced. */
export function derive(from: CallContext, change: Partial<CallContext>): Scope {
  return new Scope(
    { ...fieldsOf(from), ...change },
    change.signal === undefined ? cancellationOf(from) : cancellationOf({ signal: change.signal }),
  )
}

/**
 * The context of a callee in the same process: as the caller's, with the caller in it and the time limit of the call.
 * @param timeoutMs of the method
 * @param at when the call is made, by the clock of the process
 */
export function calleeContext(outer: Scope, caller: Caller, { timeoutMs, at }: { readonly timeoutMs: number; readonly at: number }): Scope {
  const { metadata, traceparent, tracestate, cancellation } = outer
  return new Scope({ metadata, deadline: deadlineOf(outer, timeoutMs, at), traceparent, tracestate, caller }, cancellation)
}

/** Runs a method of an object inside exactly this context: without a function made for it, as a served call wants it. */
export function applyInContext<R>(
  inner: Scope,
  method: (...args: unknown[]) => R,
  on: { readonly self: object; readonly args: readonly unknown[] },
): R {
  return storage.run(inner, apply<R>, method, on)
}

function apply<R>(method: (...args: unknown[]) => R, { self, args }: { readonly self: object; readonly args: readonly unknown[] }): R {
  return method.apply(self, args as unknown[]) // nobody else has them
}

/**
 * Makes this the context of the code that follows, until `leaveContext` in the same piece of code that nothing interrupts: what is called in between has it, and
 * whatever that goes on with later. `runInContext` without a function made for it.
 */
export function enterContext(inner: Scope): void {
  storage.enterWith(inner)
}

/** @param outer what `scope()` gave before */
export function leaveContext(outer: Scope): void {
  storage.enterWith(outer === OUTSIDE ? undefined : outer)
}

/** Runs a callee inside exactly this context. */
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
