/**
 * The limits of a call in the same process, as those of a remote one: when its deadline passes or its caller gives up, the caller goes on at once with an error
 * that says so, and the callee's signal fires.
 */
import { Cancellation, type CancelListener } from './cancellation.js'
import { runInContext, Scope } from './context.js'
import { abandoned, deadlineError } from './remote-call-error.js'

const SWEEP_MS = 20

/** Whether a call made here has limits beyond the default one of its method: it is inside another call, or inside `withContext`. */
export function hasLimits({ cancellation, deadline, timeoutMs }: Scope): boolean {
  return cancellation !== undefined || deadline !== undefined || timeoutMs !== undefined
}

/** @param inner context of the callee but for its signal */
export function runWithLimits(what: string, inner: Scope, body: () => Promise<unknown>): Promise<unknown> {
  const outer = inner.cancellation
  if (outer?.isAborted === true) return Promise.reject(abandoned(outer.reason, what, false))
  const deadline = inner.deadline ?? Infinity
  if (deadline <= Date.now()) return Promise.reject(deadlineError(what, { isSent: false }))
  return new Promise((resolve, reject) => {
    const wait = new LocalWait(what, { deadline, outer, reject })
    const own = new Scope(inner, wait.cancellation)
    const settle = (outcome: () => void): void => {
      wait.forget()
      outcome()
    }
    runInContext(own, async () => body()).then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)), // whatever was thrown
    )
  })
}

const waiting = new Set<LocalWait>()
let sweep: NodeJS.Timeout | undefined

class LocalWait implements CancelListener {
  /** Of the callee. */
  readonly cancellation = new Cancellation()
  readonly deadline: number
  readonly #what: string
  readonly #outer: Cancellation | undefined
  readonly #reject: (error: Error) => void

  constructor(what: string, of: { readonly deadline: number; readonly outer: Cancellation | undefined; reject(error: Error): void }) {
    this.#what = what
    this.deadline = of.deadline
    this.#outer = of.outer
    this.#reject = of.reject
    of.outer?.add(this)
    waiting.add(this)
    sweep ??= setInterval(() => {
      const now = Date.now()
      for (const wait of waiting) if (wait.deadline <= now) wait.onDeadline()
      if (waiting.size > 0) return
      clearInterval(sweep)
      sweep = undefined
    }, SWEEP_MS)
  }

  onCancelled(reason: unknown): void {
    this.forget()
    this.#reject(abandoned(reason, this.#what, true))
    this.cancellation.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }

  onDeadline(): void {
    this.forget()
    this.#reject(deadlineError(this.#what, { isSent: true }))
    this.cancellation.abort(new DOMException('the deadline of the call has passed', 'TimeoutError'))
  }

  forget(): void {
    waiting.delete(this)
    this.#outer?.remove(this)
  }
}
