/**
 * Reply subjects of a caller. Each call in flight has one of its own, so that the broker's "no responders", which names nothing else, is told apart; they are
 * used again and again, because the broker remembers where a subject goes to.
 *
 * I1  A subject whose call ended without an answer rests before it is used again: the broker's word on that call may still be on its way.
 */
import { processNow } from '../../context/process-clock.js'
const REST_MS = 5_000

export class ReplySlots<T> {
  readonly #prefix: string
  readonly #subjects: string[] = []
  readonly #users: (T | undefined)[] = []
  readonly #free: number[] = []
  readonly #resting: { readonly slot: number; readonly until: number }[] = []

  /** @param prefix of the subjects, with its dot. */
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
    return this.#subjects[slot] as string // of a slot that was taken
  }

  /** Who has this subject now. */
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
