/**
 * Streams whose consumer may leave while it waits for an item. `return()` of an async generator
 * waits for a pending `next()`, so it would never notice a consumer that leaves a silent stream
 * (`Readable.from(stream).destroy()`, a race with a timer).
 */

/** What to do when the consumer leaves, set as it becomes known. */
export class Leaving {
  #isLeft = false
  #act: (() => void) | undefined

  get isLeft(): boolean {
    return this.#isLeft
  }

  /** The last action counts; it runs at once if the consumer has already left. */
  onLeave(act: () => void): void {
    this.#act = act
    if (this.#isLeft) act()
  }

  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#act?.()
  }
}

/**
 * The same items; `leave` runs as soon as the consumer calls `return()` or `throw()`, and must end
 * a pending `next()`.
 */
export function leavable<T>(items: AsyncGenerator<T, void, undefined>, leave: () => void): AsyncGenerator<T, void, undefined> {
  const stream: AsyncGenerator<T, void, undefined> = {
    next: () => items.next(),
    return(value) {
      leave()
      return items.return(value)
    },
    throw(error) {
      leave()
      return items.throw(error)
    },
    [Symbol.asyncIterator]: () => stream,
    async [Symbol.asyncDispose]() {
      await stream.return()
    },
  }
  return stream
}
