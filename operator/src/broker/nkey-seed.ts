/**
 * NATS seeds from raw bytes: base32 of two prefix bytes, 32 raw bytes and a CRC-16. The nkeys package makes seeds at random only; ours are derived
 * (`version-keys.ts`).
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const SEED = 18 << 3
/** First letter of the public key: `A`ccount, `U`ser, `O`perator. */
export const NKEY_ROLE = { account: 0, user: 20 << 3, operator: 14 << 3 } as const

/** @param raw 32 bytes. */
export function encodeSeed(role: number, raw: Uint8Array): Uint8Array {
  if (raw.length !== 32) throw new Error(`a raw nkey seed has 32 bytes, not ${raw.length}`)
  const body = Buffer.from([SEED | (role >> 5), (role & 31) << 3, ...raw])
  const sum = crc16(body)
  return new TextEncoder().encode(base32(Buffer.from([...body, sum & 0xff, sum >> 8])))
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

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let i = 0; i < 8; i++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc
}
