/**
 * Reply subjects of a caller. Each call in flight has its own, to identify the broker's "no
 * responders", which contains nothing else; they are reused, because the broker remembers the route
 * of a subject.
 *
 * I1  The subject of a call that ended without an answer rests before it is reused: the broker's
 *     report on that call may still arrive.
 */
import { processNow } from '../../context/process-clock.js'
const REST_MS = 5_000

export class ReplySlots<T> {
  readonly #prefix: string
  readonly #subjects: string[] = []
  readonly #users: (T | undefined)[] = []
  readonly #free: number[] = []
  readonly #resting: { readonly slot: number; readonly until: number }[] = []

  /** @param prefix of the subjects, including its dot */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  take(user: T): number {
    const slot = this.#free.pop() ?? this.#rested() ?? this.#subjects.length
    if (slot === this.#subjects.length) this.#subjects.push(this.#prefix + slot.toString(36))
    this.#users[slot] = user
    return slot
  }

  subject(slot: number): string {
    return this.#subjects[slot] as string // the slot was taken
  }

  /** The current user of this subject. */
  user(subject: string): T | undefined {
    return this.#users[parseInt(subject.slice(this.#prefix.length), 36)]
  }

  /** I1 */
  release(slot: number, isAnswered: boolean): void {
    this.#users[slot] = undefined
    if (isAnswered) this.#free.push(slot)
    else this.#resting.push({ slot, until: processNow() + REST_MS })
  }

  #rested(): number | undefined {
    const first = this.#resting[0]
    if (first === undefined || first.until > processNow()) return undefined
    this.#resting.shift()
    return first.slot
  }
}
