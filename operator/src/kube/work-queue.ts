import { KubeError } from '@weaver/kube'
/**
 * Keys to work on. A key is in it once, however often it is added; it never has two runs at a time,
 * and additions during a run cause exactly one more. Failures are retried with back-off, and not
 * before the API server's `Retry-After`.
 */

export interface WorkQueueOptions {
  /**
   * Works on one key.
   * @returns the latest time of the next run, in milliseconds from now; `undefined`: when it is
   * added.
   */
  readonly work: (key: string, signal: AbortSignal) => Promise<number | undefined>
  readonly onError: (key: string, error: unknown, retryMs: number) => void
  /** Keys worked on at the same time. @default 4 */
  readonly concurrency?: number
  /** @default 200 */
  readonly firstBackoffMs?: number
  /** @default 60000 */
  readonly mostBackoffMs?: number
  /** Longest time of one run, in milliseconds; its signal is then aborted. @default 60000 */
  readonly workTimeoutMs?: number
  readonly onDepth?: (depth: number) => void
}

export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #ready = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #timers = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>()
  readonly #failures = new Map<string, number>()
  readonly #stop = new AbortController()

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  add(key: string): void {
    if (this.#stop.signal.aborted) return
    this.#ready.add(key)
    this.#pump()
  }

  /** Adds the key after a delay; an earlier time replaces a later one. */
  addAfter(key: string, ms: number): void {
    if (this.#stop.signal.aborted) return
    const at = performance.now() + ms
    const known = this.#timers.get(key)
    if (known !== undefined && known.at <= at) return
    clearTimeout(known?.timer)
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      this.add(key)
    }, ms)
    this.#timers.set(key, { at, timer })
  }

  /** Takes no more keys, and resolves when the running ones are done. */
  async close(): Promise<void> {
    this.#stop.abort()
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#ready.clear()
    await Promise.all(this.#running.values())
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= (this.#options.concurrency ?? 4)) break
      if (this.#running.has(key)) continue
      this.#ready.delete(key)
      // This run sees everything that the delayed one was to see.
      clearTimeout(this.#timers.get(key)?.timer)
      this.#timers.delete(key)
      const run = this.#run(key).finally(() => {
        this.#running.delete(key)
        if (!this.#stop.signal.aborted) this.#pump()
      })
      this.#running.set(key, run)
    }
    this.#options.onDepth?.(this.#ready.size)
  }

  async #run(key: string): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.workTimeoutMs ?? 60_000)])
    try {
      const again = await this.#options.work(key, signal)
      this.#failures.delete(key)
      if (again !== undefined) this.addAfter(key, again)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const failures = (this.#failures.get(key) ?? 0) + 1
      this.#failures.set(key, failures)
      const step = Math.min(this.#options.mostBackoffMs ?? 60_000, (this.#options.firstBackoffMs ?? 200) * 2 ** Math.min(failures - 1, 20))
      const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0
      const retryMs = Math.max(asked, step / 2 + (Math.random() * step) / 2)
      this.#options.onError(key, error, retryMs)
      this.addAfter(key, retryMs)
    }
  }
}
