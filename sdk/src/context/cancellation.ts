import { setMaxListeners } from 'node:events'

export interface CancelListener {
  onCancelled(reason: unknown): void
}

/**
 * Work that may be given up. The `AbortSignal` of it is made when somebody first asks: most calls are answered before anybody does, and a signal costs more
 * than all else about a call.
 */
export class Cancellation {
  #controller: AbortController | undefined
  #foreign: AbortSignal | undefined
  /** Most have one at a time. */
  #listener: CancelListener | undefined
  #others: Set<CancelListener> | undefined
  #isAborted = false
  #reason: unknown
  /** Made with `#foreign` only: most have none. */
  #onForeign: (() => void) | undefined

  /** As a signal says that is there already. */
  static of(signal: AbortSignal): Cancellation {
    const made = new Cancellation()
    made.#foreign = signal
    made.#onForeign = () => made.abort(signal.reason)
    made.#isAborted = signal.aborted
    made.#reason = signal.reason
    // Each call that waits listens, and any number may wait: Node takes more than ten for a leak.
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

  /** Only the first time has an effect. */
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

  /** Told once, if it has not happened yet. */
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
