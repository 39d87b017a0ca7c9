/** Those that wait for a set of calls to be empty. */
export class IdleWait {
  readonly #waiting: (() => void)[] = []

  /** Resolves at once where it is idle, otherwise when `notify` is called. */
  async until(isIdle: boolean): Promise<void> {
    if (!isIdle) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** It is idle. Cheap where nobody waits, as it comes after nearly each call of a process that makes one at a time. */
  notify(): void {
    if (this.#waiting.length === 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
