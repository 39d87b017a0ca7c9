/**
 * Streams whose reader may leave while it waits for an item. `return()` of an async generator waits behind a `next()` that is under way, so a reader that
 * leaves a silent stream (`Readable.from(stream).destroy()`, a race with a timer) would never be heard.
 */

/** What to do when the reader leaves, told as it becomes known. */
export class Leaving {
  #isLeft = false
  #act: (() => void) | undefined

  get isLeft(): boolean {
    return this.#isLeft
  }

  /** The last one given counts; it runs at once when the reader has left already. */
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

/** The same items; `leave` runs as soon as the reader calls `return()` or `throw()`, and must make a `next()` that is under way come to an end. */
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
