/**
 * Calls by their number: a table of short chains through the calls themselves. A `Map` leaves its tables behind as it turns over, each of them refers to the
 * next, and with one that has grown old the collector keeps all that came later: half of what the calls of a busy process make.
 *
 * I1  A call that is taken out refers to no other.
 */
export interface Numbered<T> {
  readonly id: number
  /** The next of its chain; for the table alone. */
  chained: T | undefined
}

const FIRST_CHAINS = 64

export class NumberedCalls<T extends Numbered<T>> {
  /** As many as a power of two. */
  #chains: (T | undefined)[] = emptyChains(FIRST_CHAINS)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The one that was added last, of several with the same number. */
  get(id: number): T | undefined {
    let call = this.#chains[id & (this.#chains.length - 1)]
    while (call !== undefined && call.id !== id) call = call.chained
    return call
  }

  add(call: T): void {
    if (this.#size >= this.#chains.length) this.#grow()
    this.#size++
    this.#put(call)
  }

  /** Nothing happens when it is not there. */
  delete(call: T): void {
    const at = call.id & (this.#chains.length - 1)
    let before: T | undefined
    let found = this.#chains[at]
    while (found !== undefined && found !== call) {
      before = found
      found = found.chained
    }
    if (found === undefined) return
    if (before === undefined) this.#chains[at] = call.chained
    else before.chained = call.chained
    call.chained = undefined // I1
    this.#size--
  }

  /** Those that are there now; they may be taken out while the list is gone through. */
  values(): T[] {
    const all: T[] = []
    for (const first of this.#chains) for (let call = first; call !== undefined; call = call.chained) all.push(call)
    return all
  }

  #put(call: T): void {
    const at = call.id & (this.#chains.length - 1)
    call.chained = this.#chains[at]
    this.#chains[at] = call
  }

  #grow(): void {
    const all = this.values()
    this.#chains = emptyChains(this.#chains.length * 2)
    for (const call of all.reverse()) this.#put(call) // the last of one number stays the first
  }
}

function emptyChains<T>(length: number): (T | undefined)[] {
  return Array.from({ length }, () => undefined)
}
