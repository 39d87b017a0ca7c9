/**
 * How far a producer may run ahead of its consumer. The unit is the *credit*: an item costs one, and one more for each whole KiB of its encoding, so that
 * one number bounds both the count and the bytes of what lies between them.
 *
 * I1  A sender sends only while it has credit left. The last item may cost more than is left, so at most one item lies beyond the window.
 * I2  A receiver hands credit back only for items that its consumer has taken: a consumer that rests stops its producer.
 * I3  Credit that was spent and not handed back never exceeds the window by more than one item. A receiver that sees more refuses the stream, so its
 *     memory is bounded whoever sends.
 */

/** Credits of a window: at most 256 items, and about 256 KiB, lie between producer and consumer. */
export const STREAM_WINDOW = 256
/** Credit goes back in portions of this part of the window: one message for many items, and the sender never has to wait for it while both are quick. */
const RETURN_AT = STREAM_WINDOW / 4

/** An item larger than the broker's `max_payload` travels in pieces, up to this. Both ends hold it whole. */
export const MAX_ITEM_BYTES: number = 16 * 2 ** 20

/** What an item of so many encoded bytes costs. Both ends compute it from the same bytes. */
export function itemCost(encodedBytes: number): number {
  return 1 + Math.floor(encodedBytes / 1024)
}

/** The sender's count. */
export class SendWindow {
  #credit = STREAM_WINDOW

  /** I1 */
  get isOpen(): boolean {
    return this.#credit > 0
  }

  grant(credits: number): void {
    this.#credit += credits
  }

  spend(credits: number): void {
    this.#credit -= credits
  }
}

/** The receiver's count. */
export class ReceiveWindow {
  /** What the sender still has, by our count; below zero after the one item that I1 allows. */
  #granted = STREAM_WINDOW
  #taken = 0

  /** Whether the sender had credit left, by our count. */
  get isOpen(): boolean {
    return this.#granted > 0
  }

  /** An item has arrived. @returns false when the sender had no credit left for it (I3). */
  arrive(credits: number): boolean {
    if (!this.isOpen) return false
    this.#granted -= credits
    return true
  }

  /** The consumer has taken an item. @returns the credit to hand back now, or 0 (I2). */
  take(credits: number): number {
    this.#taken += credits
    if (this.#taken < RETURN_AT) return 0
    const back = this.#taken
    this.#taken = 0
    this.#granted += back
    return back
  }
}
