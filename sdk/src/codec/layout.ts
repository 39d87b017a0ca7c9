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
 */
export const HEAD_BYTES = 4

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
