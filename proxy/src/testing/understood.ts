/** What our parser makes of a stream of bytes, in a form that others can be compared with. */
import { BodyReader, type BodySink } from '../http1/body.js'
import { requestText } from '../http1/forwarded-head.js'
import { Refusal } from '../http1/refusal.js'
import { parseRequestHead } from '../http1/request-head.js'
import { parseResponseHead } from '../http1/response-head.js'

export interface Request {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

class Collected implements BodySink {
  text = ''
  pass(bytes: Buffer, from: number, to: number): void {
    this.text += bytes.toString('latin1', from, to)
  }
}

/** `name: value` of each line. */
function linesOf(text: string): readonly string[] {
  return text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':')
      return `${line.slice(0, colon)}: ${line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '')}`
    })
}

/**
 * Read twice: in one piece, as it would be sent on, and byte by byte for its data. Both must end at
 * the same place.
 */
function bodyOf(
  kind: 'none' | 'length' | 'chunked',
  length: number,
  bytes: Buffer,
  from: number,
): { end: number; data: string; sent: string } | undefined {
  const sent = new Collected()
  const whole = new BodyReader(kind, length)
  const end = whole.read(bytes, from, bytes.length, sent)
  const data = new Collected()
  const dripped = new BodyReader(kind, length, { decode: true })
  let at = from
  while (!dripped.isDone && at < bytes.length) at = dripped.read(bytes, at, at + 1, data)
  if (whole.isDone !== dripped.isDone || (whole.isDone && end !== at)) throw new Error('a body is read differently in pieces')
  return whole.isDone ? { end, data: data.text, sent: sent.text } : undefined
}

/** The trailer section of a chunked body. */
function afterChunks(sent: string): string {
  for (let at = 0; ;) {
    const line = sent.indexOf('\r\n', at)
    const size = Number.parseInt(sent.slice(at, line), 16)
    if (size === 0) return sent.slice(line + 2)
    at = line + 2 + size + 2
  }
}

export interface UnderstoodRequests {
  readonly requests: readonly Request[]
  /** How far they go. */
  readonly end: number
  /** What goes on to a backend for each, as one stream. */
  readonly forwarded: string
  readonly sentFields: readonly (readonly string[])[]
  /** Another request may follow. */
  readonly isOpen: boolean
  readonly refusal: string | undefined
}

export function understoodRequests(bytes: Buffer): UnderstoodRequests {
  const requests: Request[] = []
  const sentFields: (readonly string[])[] = []
  let end = 0
  let forwarded = ''
  let isOpen = true
  let refusal: string | undefined
  try {
    while (isOpen && end < bytes.length) {
      const head = parseRequestHead(bytes, end, bytes.length)
      if (head === undefined) break
      const { fields, method, target } = head
      const body = bodyOf(head.hasBody ? (fields.isChunked ? 'chunked' : 'length') : 'none', fields.contentLength, bytes, head.end)
      if (body === undefined) break
      const text = requestText(bytes, head, { address: '127.0.0.1', authority: 'proxy' }, false)
      const trailers = fields.isChunked ? linesOf(afterChunks(body.sent)) : []
      requests.push({ method, target, fields: linesOf(bytes.toString('latin1', fields.from, fields.to)), body: body.data, trailers })
      sentFields.push(linesOf(text.slice(text.indexOf('\r\n') + 2)))
      forwarded += text + body.sent
      end = body.end
      isOpen = head.isKeptAlive
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    refusal = error.message
  }
  return { requests, end, forwarded, sentFields, isOpen, refusal }
}

export interface UnderstoodResponse {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
  readonly end: number
  readonly isUntilClose: boolean
}

/** @returns undefined: not complete, or refused */
export function understoodResponse(bytes: Buffer, method: string): UnderstoodResponse | undefined {
  try {
    for (let at = 0; ;) {
      const head = parseResponseHead(bytes, at, bytes.length, method)
      if (head === undefined || head.status === 101) return undefined
      at = head.end
      if (head.status < 200) continue
      const fields = linesOf(bytes.toString('latin1', head.fields.from, head.fields.to))
      if (head.body === 'close')
        return { status: head.status, fields, body: bytes.toString('latin1', at), end: bytes.length, isUntilClose: true }
      const body = bodyOf(head.body, head.fields.contentLength, bytes, at)
      return body === undefined ? undefined : { status: head.status, fields, body: body.data, end: body.end, isUntilClose: false }
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return undefined
  }
}
