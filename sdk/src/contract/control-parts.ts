/** Replies on the control channel that are larger than one message of the broker. Pure: bytes in, messages out. */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { ControlPart, ControlReply } from './control.js'
import { WeaverError } from './errors.js'

/** What a part's JSON takes beside its data. */
const PART_OVERHEAD_BYTES = 256
/** The most that a reply may hold when unpacked: a profile of minutes takes some ten million bytes. */
const MAX_REPLY_BYTES = 512 * 1024 * 1024

/** The messages that carry a reply: one where it fits, else as many parts as it takes. @param id tells the parts of two replies apart. */
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

/** Puts replies together from what arrives on one inbox, in any order and from any number of weavelets. */
export function controlReplyReader(): (message: Uint8Array) => ControlReply | undefined {
  const waiting = new Map<string, (string | undefined)[]>()
  return (message) => {
    const reply = parse(message)
    if (reply.kind !== 'part') return reply
    const parts = waiting.get(reply.id) ?? []
    waiting.set(reply.id, parts)
    parts[reply.index] = reply.data
    if (parts.filter((part) => part !== undefined).length < reply.count) return undefined
    waiting.delete(reply.id)
    return parse(gunzipSync(Buffer.from(parts.join(''), 'base64'), { maxOutputLength: MAX_REPLY_BYTES }))
  }
}

/** @throws WeaverError `WEAVER_CONTROL_INVALID` for bytes that are no reply. */
function parse(bytes: Uint8Array): ControlReply {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as ControlReply // a weavelet of the deployer's own account sent it
  } catch (cause) {
    throw new WeaverError(
      'WEAVER_CONTROL_INVALID',
      'a weavelet answered with something that is no JSON; use a deployer and an SDK of the same release',
      { cause },
    )
  }
}
