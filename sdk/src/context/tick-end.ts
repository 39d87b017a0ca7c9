const NOW = Promise.resolve()

/**
 * Runs a function after the current code, and everything queued before it, has finished. Like
 * `queueMicrotask`, which however allocates an `AsyncResource` each time.
 */
export function atTickEnd(run: () => void): void {
  void NOW.then(run)
}
