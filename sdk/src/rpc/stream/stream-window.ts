/**
 * How far a producer may run ahead of its consumer. The unit is the *credit*: an item costs one,
 * and one more for each whole KiB of its encoding, so that one number limits both the count and the
 * bytes between them.
 *
 * I1  A sender sends only while it has credit left. The last item may cost more than is left, so at
 *     most one item is beyond the window.
 * I2  A receiver returns credit only for items that its consumer has taken: a consumer that pauses
 *     stops its producer.
 * I3  Spent credit that was not returned never exceeds the window by more than one item. A receiver
 *     that sees more rejects the stream, so its memory is bounded whoever sends.
 */

/** Credits of a window: at most 256 items, and about 256 KiB, are between producer and consumer. */
export const STREAM_WINDOW = 256
/**
 * Credit is returned in portions of this share of the window: one message for many items, without
 * making the sender wait while both are fast.
 */
const RETURN_AT = STREAM_WINDOW / 4

/**
 * An item larger than the broker's `max_payload` is sent in pieces, up to this size. Both ends hold
 * it whole.
 */
export const MAX_ITEM_BYTES: number = 16 * 2 ** 20

/** The cost of an item of this encoded size. Both ends compute it from the same bytes. */
export function itemCost(encodedBytes: number): number {
  return 1 + Math.floor(encodedBytes / 1024)
}

/** The sender's account. */
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

/** The receiver's account. */
export class ReceiveWindow {
  /**
   * The sender's remaining credit, by our account; below zero after the one item that I1 allows.
   */
  #granted = STREAM_WINDOW
  #taken = 0

  /** Whether the sender had credit left, by our account. */
  get isOpen(): boolean {
    return this.#granted > 0
  }

  /** Counts an arrived item. @returns false if the sender had no credit left for it (I3) */
  arrive(credits: number): boolean {
    if (!this.isOpen) return false
    this.#granted -= credits
    return true
  }

  /** Counts an item taken by the consumer. @returns the credit to return now, or 0 (I2) */
  take(credits: number): number {
    this.#taken += credits
    if (this.#taken < RETURN_AT) return 0
    const back = this.#taken
    this.#taken = 0
    this.#granted += back
    return back
  }
}
