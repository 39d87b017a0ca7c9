/**
 * The limits of a call in the same process, like those of a remote one: when its deadline passes or
 * its caller gives up, the caller continues at once with an error that says so, and the callee's
 * signal aborts.
 */
import { Cancellation, type CancelListener } from '../context/cancellation.js'
import { runInContext, scope, Scope, type CallContext, type Caller } from '../context/context.js'
import { isPromise } from '../context/is-promise.js'
import { processNow } from '../context/process-clock.js'
import { abandoned, deadlineError } from '../errors/remote-call-error.js'
import { deadlineOf } from '../context/time-limit.js'

const SWEEP_MS = 20

/**
 * Whether a call made here has limits besides its method's default: it is inside another call, or
 * inside `withContext`.
 */
export function hasLimits(outer: Scope): boolean {
  return outer.deadline !== undefined || outer.cancellation !== undefined
}

/**
 * Runs a callee with limits.
 * @param inner context of the callee, except for its signal
 */
export function runWithLimits(what: string, inner: Scope, body: () => unknown): Promise<unknown> {
  const { cancellation } = inner
  if (cancellation?.isAborted === true) return Promise.reject(abandoned(cancellation.reason, what, false))
  if ((inner.deadline ?? Infinity) <= processNow()) return Promise.reject(deadlineError(what, { isSent: false }))
  const wait = new LocalWait(what, inner, { context: scope(), cancellation })
  try {
    return wait.until(runInContext(wait, body))
  } catch (error) {
    return Promise.reject(error as Error) // what it threw, of any type
  }
}

/**
 * The context of a callee with limits, for code that runs the callee itself.
 * @param outer context of the caller
 * @returns `undefined` if the time has already passed; `runWithLimits` tells the caller
 */
export function waitFor(
  what: string,
  outer: Scope,
  callee: { readonly caller: Caller; readonly timeoutMs: number },
): LocalWait | undefined {
  const { cancellation, metadata, traceparent, tracestate } = outer
  const now = processNow()
  const deadline = deadlineOf(outer, callee.timeoutMs, now)
  if (cancellation?.isAborted === true || deadline <= now) return undefined
  return new LocalWait(what, { metadata, caller: callee.caller, deadline, traceparent, tracestate }, { context: outer, cancellation })
}

/**
 * A call that its caller waits for, and the context of its callee: one object, so that a call
 * inside a call allocates little else.
 */
export class LocalWait extends Scope implements CancelListener {
  /** The last waiting call; the others are linked to it. */
  static #last: LocalWait | undefined
  static #sweep: NodeJS.Timeout | undefined
  readonly #what: string
  /** Context of the caller. */
  readonly outer: Scope
  readonly #calling: Cancellation | undefined
  /** The callee's cancellation, created on request. */
  #own: Cancellation | undefined
  /** Neighbours in the list of waiting calls. */
  #before: LocalWait | undefined
  #after: LocalWait | undefined
  #isWaiting = false
  #resolve!: (value: unknown) => void // set when the promise is created
  #reject!: (error: unknown) => void // set when the promise is created

  constructor(
    what: string,
    inner: Omit<CallContext, 'signal'>,
    outer: { readonly context: Scope; readonly cancellation: Cancellation | undefined },
  ) {
    super(inner, undefined)
    this.#what = what
    this.outer = outer.context
    this.#calling = outer.cancellation
  }

  override get cancellation(): Cancellation {
    return (this.#own ??= new Cancellation())
  }

  /** @returns what the caller waits for: the callee's result, or the end of its time */
  until(result: unknown): Promise<unknown> {
    if (!isPromise(result)) return Promise.resolve(result)
    const answered = this.#begin()
    result.then(
      (value) => {
        this.#forget()
        this.#resolve(value)
      },
      (error: unknown) => {
        this.#forget()
        this.#reject(error)
      },
    )
    return answered
  }

  #begin(): Promise<unknown> {
    const answered = new Promise(capture)
    this.#resolve = resolveCaptured
    this.#reject = rejectCaptured
    this.#isWaiting = true
    this.#before = LocalWait.#last
    if (LocalWait.#last !== undefined) LocalWait.#last.#after = this
    LocalWait.#last = this
    LocalWait.#sweep ??= setInterval(() => LocalWait.#look(), SWEEP_MS)
    if (this.#calling?.isAborted === true) this.onCancelled(this.#calling.reason)
    else this.#calling?.add(this)
    return answered
  }

  onCancelled(reason: unknown): void {
    this.#forget()
    this.#reject(abandoned(reason, this.#what, true))
    this.cancellation.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }

  #onDeadline(): void {
    this.#forget()
    this.#reject(deadlineError(this.#what, { isSent: true }))
    this.cancellation.abort(new DOMException('the deadline of the call has passed', 'TimeoutError'))
  }

  #forget(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#calling?.remove(this)
    if (this.#before !== undefined) this.#before.#after = this.#after
    if (this.#after === undefined) LocalWait.#last = this.#before
    else this.#after.#before = this.#before
    this.#before = this.#after = undefined
  }

  static #look(): void {
    const now = processNow()
    const over: LocalWait[] = []
    for (let wait = LocalWait.#last; wait !== undefined; wait = wait.#before) if ((wait.deadline ?? Infinity) <= now) over.push(wait)
    for (const wait of over) if (wait.#isWaiting) wait.#onDeadline() // one may have ended with another
    if (LocalWait.#last !== undefined) return
    clearInterval(LocalWait.#sweep)
    LocalWait.#sweep = undefined
  }
}

let resolveCaptured: (value: unknown) => void
let rejectCaptured: (error: unknown) => void
/** A single executor for all promises: a call allocates none of its own. */
function capture(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  resolveCaptured = resolve
  rejectCaptured = reject
}
