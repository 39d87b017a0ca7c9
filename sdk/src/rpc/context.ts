/** The ambient context of a call: it follows the code through awaits and crosses RPCs. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'

export interface CallContext {
  /** Aborted when the caller gave up or the deadline passed. */
  readonly signal: AbortSignal
  /** When the answer is no longer wanted, epoch milliseconds. `undefined`: no limit yet; the next call gets its method's default. */
  readonly deadline?: number
  /** Small strings that travel with every call made from here. */
  readonly metadata: Readonly<Record<string, string>>
  /** W3C `traceparent`, as received. */
  readonly traceparent?: string
  /** W3C `tracestate`, what vendors of tracing add to it. */
  readonly tracestate?: string
  /** Component and replica that called; absent at an entry such as an HTTP request. */
  readonly caller?: { readonly component: string; readonly replica: string }
}

const storage = new AsyncLocalStorage<CallContext>()
/** The signal of code outside of any call. Nobody listens to it: every call of a process would stand in one list. */
export const NEVER: AbortSignal = new AbortController().signal
const EMPTY: CallContext = { signal: NEVER, metadata: {} }

/** The context of the code that asks. Outside of any call: no deadline, no metadata, a signal that never fires. */
export function context(): CallContext {
  return storage.getStore() ?? EMPTY
}

/** Runs `body` with some of its context replaced: metadata is merged, a deadline can only get nearer, signals are joined. */
export function withContext<T>(change: Partial<Omit<CallContext, 'caller'>>, body: () => T): T {
  const now = context()
  const deadlines = [now.deadline, change.deadline].filter((d) => d !== undefined)
  return runInContext(
    {
      ...now,
      ...(change.traceparent === undefined ? {} : { traceparent: change.traceparent }),
      ...(change.tracestate === undefined ? {} : { tracestate: change.tracestate }),
      ...(deadlines.length === 0 ? {} : { deadline: Math.min(...deadlines) }),
      signal:
        change.signal === undefined ? now.signal : now.signal === NEVER ? change.signal : AbortSignal.any([now.signal, change.signal]),
      metadata: change.metadata === undefined ? now.metadata : { ...now.metadata, ...change.metadata },
    },
    body,
  )
}

/** The context of a callee in the same process: as the caller's, with the caller in it and the method's time limit. */
export function calleeContext(caller: { readonly component: string; readonly replica: string }, timeoutMs: number): CallContext {
  const now = context()
  const limit = Date.now() + timeoutMs
  return { ...now, deadline: now.deadline === undefined || limit < now.deadline ? limit : now.deadline, caller }
}

/** Runs a callee inside exactly this context. */
export function runInContext<T>(inner: CallContext, body: () => T): T {
  // Each call that waits listens, and any number may wait: Node takes more than ten for a leak.
  if (inner.signal !== NEVER) setMaxListeners(Infinity, inner.signal)
  return storage.run(inner, body)
}
