/**
 * SHA-256 (FIPS 180-4) in plain TypeScript: names and version ids must be the same in the operator,
 * on the command line and in a browser, and this package must not use Node's. For names only;
 * nothing secret is hashed here.
 */
const ROUND_CONSTANTS = fractionsOfRoots(64, 1 / 3)
const INITIAL = fractionsOfRoots(8, 1 / 2)

/** Digits and letters without the ones that are read as another (`i`, `l`, `o`, `u`). */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const LETTERS = 'abcdefghjkmnpqrstvwxyz'

/** The digest of the text's UTF-8 bytes, 32 bytes. */
export function sha256(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000))
  view.setUint32(padded.length - 4, bytes.length << 3)
  const state = Uint32Array.from(INITIAL)
  for (let offset = 0; offset < padded.length; offset += 64) compress(state, view, offset)
  const digest = new Uint8Array(32)
  state.forEach((word, i) => new DataView(digest.buffer).setUint32(4 * i, word))
  return digest
}

/**
 * `length` characters (at most 32) of a hash of the text, 5 bits each. The first is a letter, so
 * that no reader of YAML takes it for a number and it may stand at the start of any Kubernetes
 * name.
 */
export function shortHash(text: string, length: number): string {
  return [...sha256(text).subarray(0, length)]
    .map((byte, i) => (i === 0 ? LETTERS[byte % LETTERS.length] : ALPHABET[byte % ALPHABET.length]))
    .join('')
}

function compress(state: Uint32Array, view: DataView, offset: number): void {
  const w = new Uint32Array(64)
  const at = (array: Uint32Array, i: number): number => array[i] ?? 0 // always in range; the compiler cannot know
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(offset + 4 * i)
  for (let i = 16; i < 64; i++) {
    const x = at(w, i - 15)
    const y = at(w, i - 2)
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let i = 0; i < 64; i++) {
    const t1 = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + at(ROUND_CONSTANTS, i) + at(w, i)) | 0
    const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  ;[a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = at(state, i) + word))
}

function rotate(x: number, n: number): number {
  return (x >>> n) | (x << (32 - n))
}

/**
 * The first 32 bits of the fractional parts of the roots of the first primes: where the standard
 * takes its constants from.
 */
function fractionsOfRoots(count: number, power: number): Uint32Array {
  const out = new Uint32Array(count)
  for (let n = 2, found = 0; found < count; n++) {
    let isPrime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) isPrime = false
    if (isPrime) out[found++] = (n ** power % 1) * 0x100000000
  }
  return out
}
