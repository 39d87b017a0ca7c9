/** Waiters for a set of calls to become empty. */
export class IdleWait {
  readonly #waiting: (() => void)[] = []

  /** Resolves at once if idle, otherwise at the next `notify`. */
  async until(isIdle: boolean): Promise<void> {
    if (!isIdle) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /**
   * Reports that the set is empty. Cheap without waiters, since in a process that makes one call at
   * a time it follows nearly every call.
   */
  notify(): void {
    if (this.#waiting.length === 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
