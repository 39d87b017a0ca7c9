/** Places of entries by row number, eight bytes each. Beyond a limit the oldest go, a chunk at a time. */
const CHUNK = 65_536

export class Places {
  readonly #max: number
  readonly #chunks: Float64Array[] = []
  #first = 0
  #total = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Of the oldest row that is held; those before it were dropped. */
  get first(): number {
    return this.#first
  }

  /** One more than the number of the newest row. */
  get total(): number {
    return this.#total
  }

  push(place: number): void {
    const at = (this.#total - this.#first) % CHUNK
    if (at === 0) this.#chunks.push(new Float64Array(CHUNK))
    const last = this.#chunks.at(-1)
    if (last !== undefined) last[at] = place
    this.#total++
    if (this.#total - this.#first <= this.#max || this.#chunks.length === 1) return
    this.#chunks.shift()
    this.#first += CHUNK
  }

  /** Rows that are not held are left out. */
  slice(from: number, to: number): readonly number[] {
    const places: number[] = []
    for (let row = Math.max(from, this.#first); row < Math.min(to, this.#total); row++) {
      const at = row - this.#first
      places.push(this.#chunks[Math.floor(at / CHUNK)]?.[at % CHUNK] ?? 0)
    }
    return places
  }
}
