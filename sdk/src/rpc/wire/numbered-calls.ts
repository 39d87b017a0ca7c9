/**
 * Calls by number: a table of short chains through the calls themselves. A `Map` leaves old tables
 * behind as it turns over; each references the next, and once one is in the old generation, the
 * collector keeps everything that came later: half of what the calls of a busy process allocate.
 *
 * I1  A removed call references no other.
 */
export interface Numbered<T> {
  readonly id: number
  /** The next call in its chain; only for the table. */
  chained: T | undefined
}

const FIRST_CHAINS = 64

export class NumberedCalls<T extends Numbered<T>> {
  /** Their number is a power of two. */
  #chains: (T | undefined)[] = emptyChains(FIRST_CHAINS)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Of several calls with the same number, the last one added. */
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

  /** Has no effect if it is absent. */
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

  /** The present calls; they may be removed during the iteration. */
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
    for (const call of all.reverse()) this.#put(call) // the last call with a number stays the first
  }
}

function emptyChains<T>(length: number): (T | undefined)[] {
  return Array.from({ length }, () => undefined)
}
