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
 */
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

/** @throws WeaverError `WEAVER_CONTROL_INVALID` for bytes that are not a reply. */
function parse(bytes: Uint8Array): ControlReply {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as ControlReply // a weavelet of the deployer's own account sent it
  } catch (cause) {
    throw new WeaverError(
      'WEAVER_CONTROL_INVALID',
      'a weavelet answered with something that is not JSON; use a deployer and an SDK of the same release',
      { cause },
    )
  }
}
