/**
 * Splits replies on the control channel that are larger than one message of the broker;
 * `controlReplyReader` of `@weaver/deployer` joins them.
 */
import { gzipSync } from 'node:zlib'
import type { ControlPart, ControlReply } from './control.js'

/** Size of a part's JSON besides its data. */
const PART_OVERHEAD_BYTES = 256

/**
 * The messages that carry a reply: one if it fits, else several parts.
 * @param id distinguishes the parts of different replies
 */
export function splitControlReply(reply: ControlReply, id: string, maxBytes: number): readonly Uint8Array[] {
  const whole = Buffer.from(JSON.stringify(reply))
  if (whole.length <= maxBytes) return [whole]
  const packed = gzipSync(whole).toString('base64')
  const size = maxBytes - PART_OVERHEAD_BYTES - id.length
  const count = Math.ceil(packed.length / size)
  return Array.from({ length: count }, (_, index) => {
    const part: ControlPart = { kind: 'part', id, index, count, data: packed.slice(index * size, (index + 1) * size) }
    return Buffer.from(JSON.stringify(part))
  })
}
