const NOW = Promise.resolve()

/**
 * Runs this when the code that runs now, and whatever was waiting to run at once before it, has come to its end. `queueMicrotask` does the same, but makes an
 * `AsyncResource` each time.
 */
export function atTickEnd(run: () => void): void {
  void NOW.then(run)
}
