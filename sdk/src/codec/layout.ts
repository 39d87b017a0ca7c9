/**
 * A message of the codec:
 *
 *     u32      length of head and body
 *     body     the values in order; for a string only its length in UTF-16 units
 *     u8       form of the text; absent, like the text, if all strings are empty
 *     text     the characters of all strings, one after the other
 *
 * One native call writes all characters, and one reads them. A text decoded whole stays in memory
 * as long as any of its strings, so a long text is never decoded whole: its forms have units of one
 * size, and each string is read separately.
 *
 * A part is a message inside the body of another one, preceded by its size (u32), complete with a
 * head and a text of its own: a receiver of several can read each alone, and a damaged one does not
 * affect the others.
 */
export const HEAD_BYTES = 4
/** The largest number in the head. */
export const MAX_MESSAGE_BYTES: number = 2 ** 32 - 1
/** Size of the length before a part. */
export const PART_SIZE_BYTES = 4

export const TEXT = {
  /** One byte per unit. */
  ascii: 0,
  /** Decoded whole; only up to `wholeUnits`. */
  utf8: 1,
  /** Two bytes per unit; also for lone surrogates, which UTF-8 cannot represent. */
  utf16: 2,
  /** The longest text that is decoded whole, in UTF-16 units. */
  wholeUnits: 2_048,
} as const

/**
 * A number is a `uint`: even for an integer of 31 bits, in zigzag form and doubled; this value for
 * any other number, followed by its double.
 */
export const DOUBLE_FOLLOWS = 1
export const SMALL_INTEGERS = 0x4000_0000

/** Up to this size, copying byte by byte is faster than calling `set`. */
export const SMALL_COPY_BYTES = 32
