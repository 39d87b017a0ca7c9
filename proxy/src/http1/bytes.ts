/** The alphabets of RFC 9110 and 9112, as tables over bytes. */

export const HTAB = 9
export const LF = 10
export const CR = 13
export const SP = 32
export const COLON = 58
export const SEMICOLON = 59
export const EQUALS = 61

function table(isIn: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isIn(byte) ? 1 : 0))
}

const isAlphanumeric = (byte: number): boolean => /[0-9A-Za-z]/.test(String.fromCharCode(byte))
const oneOf =
  (characters: string) =>
  (byte: number): boolean =>
    isAlphanumeric(byte) || (byte < 128 && characters.includes(String.fromCharCode(byte)))

/** Names of fields: `tchar`. */
export const TOKEN: Uint8Array = table(oneOf("!#$%&'*+-.^_`|~"))
/**
 * Values of fields: visible characters, space, tab and `obs-text`. No CR, LF, NUL or other control.
 */
export const VALUE: Uint8Array = table((byte) => byte === HTAB || (byte >= SP && byte !== 127))
/**
 * Targets of requests: visible ASCII without `#`, which begins a fragment, and no target has one.
 */
export const TARGET: Uint8Array = table((byte) => byte > SP && byte < 127 && byte !== 35)
/** `Host`: names, addresses, `[::1]`, and a port. No `@`, `/`, `,` or `%`. */
export const HOST: Uint8Array = table(oneOf('.-_~[]:'))

/** Value of a hexadecimal digit; 255: it is not one. */
export const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte)
  return /[0-9A-Fa-f]/.test(text) ? Number.parseInt(text, 16) : 255
})

/**
 * Whether these bytes are this word, in any case.
 * @param word lower case, and of the same length
 */
export function isWord(bytes: Uint8Array, from: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const byte = bytes[from + i] ?? 0
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte
    if (lower !== word.charCodeAt(i)) return false
  }
  return true
}

/** Bytes as text, one character each: what is written as `latin1` is the same bytes again. */
export function textOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to)
}
