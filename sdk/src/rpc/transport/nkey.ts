/**
 * NATS keys (nkeys), signed by Node's own Ed25519. `@nats-io/nkeys` signs in JavaScript and makes
 * its key anew for each answer: two seconds of CPU for the credentials of 200 groups, and processes
 * that a broker refuses took whole cores for their signatures. What is made here is the same, byte
 * for byte.
 *
 * A key as text is base32 of its prefix, the raw key and a CRC-16, which comes low byte first. The
 * prefix of a seed is two bytes: `S`, and the role.
 */
import { createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto'
import type { JwtAuth, nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const SEED = 18 << 3
const PRIVATE = 15 << 3
/** First letter of the public key: `A`ccount, `U`ser, `O`perator. */
export const NKEY_ROLE: Readonly<Record<'account' | 'operator' | 'user', number>> = { account: 0, user: 20 << 3, operator: 14 << 3 }
/** The prefix of the 32 raw bytes in the PKCS #8 form of an Ed25519 key (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** @param raw 32 bytes; random ones when left out. */
export function createNkey(role: number, raw: Uint8Array = randomBytes(32)): KeyPair {
  if (raw.length !== 32) throw new Error(`a raw nkey seed has 32 bytes, not ${raw.length}`)
  return new Nkey(role, raw)
}

/** The key of a seed as text, `S…`. */
export function nkeyFromSeed(seed: string): KeyPair {
  const bytes = fromBase32(seed)
  const [first = 0, second = 0] = bytes
  const sum = crc16(bytes.subarray(0, -2))
  if (seed.length !== 58 || bytes.length !== 36 || (first & 0xf8) !== SEED || bytes.readUInt16LE(34) !== sum)
    throw new Error('the text is not a NATS seed: it has 58 letters and digits, of which the first is S, and a checksum')
  return new Nkey(((first & 7) << 5) | (second >> 3), bytes.subarray(2, 34))
}

/**
 * What a client answers to the broker's challenge.
 * @param creds text of a creds file: a JWT and a seed, each between lines of dashes
 */
export function answerOf(creds: string, nonce: string | undefined): JwtAuth {
  const [jwt, seed] = [...creds.matchAll(/-{3,}[^\n]*-{3,}\r?\n\s*(\S+)\s*\n-{3,}[^\n]*-{3,}/g)].map((block) => block[1])
  if (jwt === undefined || seed === undefined)
    throw new Error('unable to parse credentials: a creds file has a JWT and a seed, each between lines of dashes')
  const key = nkeyFromSeed(seed)
  const sig = nonce === undefined ? '' : Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url')
  return { jwt, nkey: key.getPublicKey(), sig }
}

interface Keys {
  readonly private: KeyObject
  readonly public: KeyObject
  readonly publicBytes: Uint8Array
}

class Nkey implements KeyPair {
  readonly #role: number
  readonly #raw: Uint8Array
  #keys: Keys | undefined

  constructor(role: number, raw: Uint8Array) {
    this.#role = role
    this.#raw = Uint8Array.from(raw)
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, this.#raw]), format: 'der', type: 'pkcs8' })
    const open = createPublicKey(key)
    this.#keys = { private: key, public: open, publicBytes: open.export({ format: 'der', type: 'spki' }).subarray(-32) }
  }

  get #held(): Keys {
    if (this.#keys === undefined) throw new Error('the nkey was cleared')
    return this.#keys
  }

  getPublicKey(): string {
    return encode([this.#role], this.#held.publicBytes)
  }
  getSeed(): Uint8Array {
    void this.#held
    return new TextEncoder().encode(encode([SEED | (this.#role >> 5), (this.#role & 31) << 3], this.#raw))
  }
  getPrivateKey(): Uint8Array {
    return new TextEncoder().encode(encode([PRIVATE], Buffer.concat([this.#raw, this.#held.publicBytes])))
  }
  sign(input: Uint8Array): Uint8Array {
    return sign(null, input, this.#held.private)
  }
  verify(input: Uint8Array, signature: Uint8Array): boolean {
    return verify(null, input, this.#held.public, signature)
  }
  clear(): void {
    this.#raw.fill(0)
    this.#keys = undefined
  }
  seal(): never {
    throw new Error('an nkey of this role does not encrypt: only curve keys do')
  }
  open(): never {
    return this.seal()
  }
}

function encode(prefix: readonly number[], key: Uint8Array): string {
  const body = Buffer.from([...prefix, ...key])
  const sum = crc16(body)
  return base32(Buffer.from([...body, sum & 0xff, sum >> 8]))
}

function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31]
}

/** Empty when a character is not in base32. */
function fromBase32(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const character of text) {
    const value = ALPHABET.indexOf(character)
    if (value === -1) return Buffer.alloc(0)
    held = ((held << 5) | value) & 0xffff
    bits += 5
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff)
  }
  return Buffer.from(bytes)
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let i = 0; i < 8; i++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc
}
