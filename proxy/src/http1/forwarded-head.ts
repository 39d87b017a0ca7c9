/**
 * What goes on in place of a head that came: its lines as they were, but for those that were taken
 * out, and our own framing.
 */
import { textOf } from './bytes.js'
import type { Fields } from './fields.js'
import type { RequestHead } from './request-head.js'
import type { ResponseHead } from './response-head.js'

export interface Peer {
  /** Address of the client. */
  readonly address: string
  /** What the client was connected to: the host of requests that name none. */
  readonly authority: string
}

export function requestText(bytes: Buffer, head: RequestHead, { address, authority }: Peer, isTrusted: boolean): string {
  const { fields, line, minor } = head
  const host = fields.host ?? authority
  let text = line === undefined ? kept(bytes, head.start, fields) : line + kept(bytes, fields.from, fields)
  if (head.isHostMissing) text = withHost(text, host)
  const { forwardedFor, forwardedHost, forwardedProto } = fields
  if (isTrusted && forwardedFor !== undefined) text += `X-Forwarded-For: ${forwardedFor}, ${address}\r\n`
  else text += `X-Forwarded-For: ${address}\r\n`
  text += `X-Forwarded-Host: ${isTrusted ? (forwardedHost ?? host) : host}\r\nX-Forwarded-Proto: ${isTrusted ? (forwardedProto ?? 'http') : 'http'}\r\n`
  const upgrade = upgradeOf(head)
  if (upgrade !== undefined) text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  if (fields.hasExpect && minor === 1 && head.hasBody) text += 'Expect: 100-continue\r\n'
  return `${text + framing(fields)}\r\n`
}

/**
 * The protocol that a request asks for in a way that is passed on. `h2c` would begin a second
 * protocol behind the proxy's back.
 */
export function upgradeOf({ method, minor, hasBody, fields: { upgrade } }: RequestHead): string | undefined {
  if (upgrade === undefined || method !== 'GET' || minor === 0 || hasBody) return undefined
  return /^[a-z][\w.-]*$/i.test(upgrade) && !/^h2c?$/i.test(upgrade) ? upgrade : undefined
}

/**
 * @param own lines that are added: `Connection` where HTTP/1.1 does not say it by itself, and what
 * is told of the version
 * @param isDecoded the client gets the data of a chunked body without the chunks
 */
export function responseText(bytes: Buffer, from: number, head: ResponseHead, own: string, isDecoded: boolean): string {
  const { fields, status } = head
  let text = head.minor === 1 ? kept(bytes, from, fields) : `HTTP/1.1${kept(bytes, from + 8, fields)}`
  if (status === 101) return `${text}${own}Connection: Upgrade\r\nUpgrade: ${fields.upgrade ?? ''}\r\n\r\n`
  if (status < 200) return `${text}\r\n`
  text += own
  if (status === 204 || isDecoded) return `${text}\r\n`
  return `${text + framing(fields)}\r\n`
}

function framing({ isChunked, contentLength }: Fields): string {
  if (isChunked) return 'Transfer-Encoding: chunked\r\n'
  return contentLength >= 0 ? `Content-Length: ${contentLength}\r\n` : ''
}

/** From there to the end of the fields, without what was taken out. */
export function kept(bytes: Buffer, from: number, { cuts, to }: Fields): string {
  if (cuts.length === 0) return textOf(bytes, from, to)
  const text = textOf(bytes, from, to)
  let out = ''
  let at = 0
  for (let i = 0; i < cuts.length; i += 2) {
    const start = (cuts[i] ?? 0) - from
    if (start > at) out += text.slice(at, start)
    at = (cuts[i + 1] ?? 0) - from
  }
  return at < text.length ? out + text.slice(at) : out
}

function withHost(text: string, host: string): string {
  const end = text.indexOf('\r\n') + 2
  return `${text.slice(0, end)}Host: ${host}\r\n${text.slice(end)}`
}
