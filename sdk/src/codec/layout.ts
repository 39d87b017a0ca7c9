/**
 * A message of the codec:
 *
 *     u32      length of head and body
 *     body     the values in order; of a string only its length in UTF-16 units
 *     u8       form of the text; absent, like the text, where no string has any
 *     text     the characters of all strings, one after the other
 *
 * One native call writes all characters and one reads them. What was decoded whole keeps its whole text alive as long as any of its strings, so a long text is
 * never decoded whole: its forms have units of one size, and each string is read by itself.
 *
 * A message inside another one, a part, stands in the body of the outer one behind its size (u32), whole, with a head and a text of its own: whoever receives
 * several in one message can read each alone, and one that is damaged does not spoil the others.
 */
export const HEAD_BYTES = 4
/** What the head can tell. */
export const MAX_MESSAGE_BYTES: number = 2 ** 32 - 1
/** Before a part: how long it is. */
export const PART_SIZE_BYTES = 4

export const TEXT = {
  /** One byte for each unit. */
  ascii: 0,
  /** Decoded whole; only up to `wholeUnits`. */
  utf8: 1,
  /** Two bytes for each unit; also for lone surrogates, which UTF-8 cannot carry. */
  utf16: 2,
  /** The longest text, in UTF-16 units, that is decoded whole. */
  wholeUnits: 2_048,
} as const

/**
 * A number is a `uint`: even for a small integer, which is doubled twice with its sign in between (zigzag); this for any other, whose double follows.
 * The integers are those of 31 bits.
 */
export const DOUBLE_FOLLOWS = 1
export const SMALL_INTEGERS = 0x4000_0000

/** Up to here a copy byte by byte is faster than a call of `set`. */
export const SMALL_COPY_BYTES = 32
