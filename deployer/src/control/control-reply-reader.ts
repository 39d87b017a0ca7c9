/**
 * Replies of weavelets on the control channel, which come in parts where they are larger than one
 * message of the broker.
 */
import { gunzipSync } from 'node:zlib'
import { WeaverError, type ControlReply } from '@weaver/sdk/contract'

/**
 * The most that a reply may hold when unpacked: a profile of minutes takes some ten million bytes.
 */
const MAX_REPLY_BYTES = 512 * 1024 * 1024

/**
 * Puts replies together from what arrives on one inbox, in any order and from any number of
 * weavelets.
 * @param maxBytes of one reply when unpacked
 */
export function controlReplyReader(maxBytes: number = MAX_REPLY_BYTES): (message: Uint8Array) => ControlReply | undefined {
  const waiting = new Map<string, Map<number, string>>()
  let held = 0
  return (message) => {
    if (message.length > maxBytes) throw tooLarge(maxBytes)
    const reply = parse(message)
    if (reply.kind !== 'part') return reply
    const { id, index, count, data } = reply
    if (typeof data !== 'string') throw unreadable()
    const parts = waiting.get(id) ?? new Map<number, string>()
    waiting.set(id, parts.set(index, data))
    held += data.length
    if (held > 2 * maxBytes) throw tooLarge(maxBytes) // Base64 of gzip is never that much longer than what is in it
    if (parts.size < count) return undefined
    waiting.delete(id)
    const packed = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part).join('') // prettier-ignore
    held -= packed.length
    return parse(unpack(Buffer.from(packed, 'base64'), maxBytes))
  }
}

function unpack(packed: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: maxBytes })
  } catch (cause) {
    throw (cause as { readonly code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(maxBytes, cause) : unreadable(cause) // an Error of Node
  }
}

/** @throws WeaverError `WEAVER_CONTROL_INVALID` for bytes that are not a reply. */
function parse(bytes: Uint8Array): ControlReply {
  try {
    const reply = JSON.parse(Buffer.from(bytes).toString('utf8')) as ControlReply | null // a weavelet of the deployer's own account sent it
    if (reply !== null) return reply
  } catch (cause) {
    throw unreadable(cause)
  }
  throw unreadable()
}

function unreadable(cause?: unknown): WeaverError {
  return new WeaverError(
    'WEAVER_CONTROL_INVALID',
    'a weavelet answered with something that is not a reply; use a deployer and an SDK of the same release',
    { cause },
  )
}

function tooLarge(maxBytes: number, cause?: unknown): WeaverError {
  return new WeaverError('WEAVER_CONTROL_INVALID', `a weavelet answered with more than ${maxBytes} bytes, which are not read`, { cause })
}
