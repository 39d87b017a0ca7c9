import { setMaxListeners } from 'node:events'

export interface CancelListener {
  onCancelled(reason: unknown): void
}

/**
 * Cancellable work. Its `AbortSignal` is created when it is first requested: most calls end before
 * that, and a signal costs more than everything else about a call.
 */
export class Cancellation {
  #controller: AbortController | undefined
  #foreign: AbortSignal | undefined
  /** Most have at most one listener. */
  #listener: CancelListener | undefined
  #others: Set<CancelListener> | undefined
  #isAborted = false
  #reason: unknown
  /** Created with `#foreign` only: most have none. */
  #onForeign: (() => void) | undefined

  /** Wraps an existing signal. */
  static of(signal: AbortSignal): Cancellation {
    const made = new Cancellation()
    made.#foreign = signal
    made.#onForeign = () => made.abort(signal.reason)
    made.#isAborted = signal.aborted
    made.#reason = signal.reason
    // Each waiting call listens, and any number may wait: Node takes more than ten listeners for a
    // leak.
    setMaxListeners(Infinity, signal)
    return made
  }

  get isAborted(): boolean {
    return this.#isAborted || this.#foreign?.aborted === true
  }

  get reason(): unknown {
    return this.#foreign?.aborted === true ? this.#foreign.reason : this.#reason
  }

  get signal(): AbortSignal {
    if (this.#foreign !== undefined) return this.#foreign
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      setMaxListeners(Infinity, this.#controller.signal)
      if (this.#isAborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Only the first call has an effect. */
  abort(reason: unknown): void {
    if (this.#isAborted) return
    this.#isAborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    const listeners = [...(this.#listener === undefined ? [] : [this.#listener]), ...(this.#others ?? [])]
    this.#listener = undefined
    this.#others?.clear()
    for (const listener of listeners) listener.onCancelled(reason)
  }

  /** Calls the listener once, unless already aborted. */
  add(listener: CancelListener): void {
    if (this.#onForeign !== undefined && this.#isUnheard) this.#foreign?.addEventListener('abort', this.#onForeign, { once: true })
    if (this.#listener === undefined) this.#listener = listener
    else (this.#others ??= new Set()).add(listener)
  }

  remove(listener: CancelListener): void {
    if (this.#listener === listener) this.#listener = undefined
    else if (this.#others?.delete(listener) !== true) return
    if (this.#onForeign !== undefined && this.#isUnheard) this.#foreign?.removeEventListener('abort', this.#onForeign)
  }

  get #isUnheard(): boolean {
    return this.#listener === undefined && (this.#others === undefined || this.#others.size === 0)
  }
}
