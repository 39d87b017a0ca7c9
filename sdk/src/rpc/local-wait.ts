/**
 * The limits of a call in the same process, as those of a remote one: when its deadline passes or its caller gives up, the caller goes on at once with an error
 * that says so, and the callee's signal fires.
 */
import { Cancellation, type CancelListener } from './cancellation.js'
import { runInContext, Scope } from './context.js'
import { abandoned, deadlineError } from './remote-call-error.js'

const SWEEP_MS = 20

/** Whether a call made here has limits beyond the default one of its method: it is inside another call, or inside `withContext`. */
export function hasLimits(outer: Scope): boolean {
  return outer.deadline !== undefined || outer.cancellation !== undefined
}

/** @param inner context of the callee but for its signal */
export function runWithLimits(what: string, inner: Scope, body: () => unknown): Promise<unknown> {
  const outer = inner.cancellation
  if (outer?.isAborted === true) return Promise.reject(abandoned(outer.reason, what, false))
  if ((inner.deadline ?? Infinity) <= Date.now()) return Promise.reject(deadlineError(what, { isSent: false }))
  const wait = new LocalWait(what, inner, outer)
  const answered = new Promise((resolve, reject) => {
    wait.resolve = resolve
    wait.reject = reject
  })
  wait.begin()
  try {
    const result = runInContext(wait, body)
    if (isPromise(result)) result.then(wait.onValue, wait.onError)
    else wait.onValue(result)
  } catch (error) {
    wait.onError(error)
  }
  return answered
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

const waiting = new Set<LocalWait>()
let sweep: NodeJS.Timeout | undefined

/** A call that somebody waits for, and the context of its callee: a call inside a call makes little else. */
class LocalWait extends Scope implements CancelListener {
  readonly #what: string
  readonly #outer: Cancellation | undefined
  /** Of the callee, made when it asks. */
  #own: Cancellation | undefined
  resolve!: (value: unknown) => void // set by the promise, when it is made
  reject!: (error: unknown) => void // the same
  readonly onValue = (value: unknown): void => {
    this.#forget()
    this.resolve(value)
  }
  readonly onError = (error: unknown): void => {
    this.#forget()
    this.reject(error)
  }

  constructor(what: string, inner: Scope, outer: Cancellation | undefined) {
    super(inner, undefined)
    this.#what = what
    this.#outer = outer
  }

  override get cancellation(): Cancellation {
    return (this.#own ??= new Cancellation())
  }

  begin(): void {
    this.#outer?.add(this)
    waiting.add(this)
    sweep ??= setInterval(() => {
      const now = Date.now()
      for (const wait of waiting) if ((wait.deadline ?? Infinity) <= now) wait.#onDeadline()
      if (waiting.size > 0) return
      clearInterval(sweep)
      sweep = undefined
    }, SWEEP_MS)
  }

  onCancelled(reason: unknown): void {
    this.#forget()
    this.reject(abandoned(reason, this.#what, true))
    this.cancellation.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }

  #onDeadline(): void {
    this.#forget()
    this.reject(deadlineError(this.#what, { isSent: true }))
    this.cancellation.abort(new DOMException('the deadline of the call has passed', 'TimeoutError'))
  }

  #forget(): void {
    waiting.delete(this)
    this.#outer?.remove(this)
  }
}
