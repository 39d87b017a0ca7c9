/**
 * The head of a response (RFC 9112, section 4), read as strictly: a backend that can be made to say
 * something ambiguous is as dangerous as a client.
 */
import { CR, LF, SP, VALUE } from './bytes.js'
import { parseFields, type Fields } from './fields.js'
import { Refusal } from './refusal.js'

/** More than a request's: cookies and policies are long, and clients take more. */
const LONGEST_HEAD = 64 * 1_024

/** How long the body is. `close`: until the connection ends. */
export type BodyKind = 'none' | 'length' | 'chunked' | 'close'

export interface ResponseHead {
  readonly status: number
  readonly minor: 0 | 1
  readonly fields: Fields
  readonly end: number
  readonly body: BodyKind
  /** The backend keeps the connection for another request. */
  readonly isKeptAlive: boolean
}

/**
 * @param method of the request that it answers
 * @returns undefined when the head is not complete yet
 * @throws Refusal
 */
export function parseResponseHead(bytes: Buffer, from: number, end: number, method: string): ResponseHead | undefined {
  const head = parse(bytes, from, end, method)
  if ((head?.end ?? end) - from > LONGEST_HEAD) throw new Refusal(`a response head of more than ${LONGEST_HEAD} bytes`)
  return head
}

const VERSION = 'HTTP/1.'

function parse(bytes: Buffer, from: number, end: number, method: string): ResponseHead | undefined {
  for (let i = 0; i < VERSION.length; i++) {
    if (from + i >= end) return undefined
    if (bytes[from + i] !== VERSION.charCodeAt(i)) throw new Refusal('a status line that does not begin with HTTP/1.1 or HTTP/1.0')
  }
  if (end - from < 13) return undefined // HTTP/1.1 200
  const digit = bytes[from + 7]
  if ((digit !== 49 && digit !== 48) || bytes[from + 8] !== SP)
    throw new Refusal('a status line that does not begin with HTTP/1.1 or HTTP/1.0')
  const minor = digit === 49 ? 1 : 0
  let status = 0
  for (let i = 9; i < 12; i++) {
    const value = (bytes[from + i] ?? 0) - 48
    if (value < 0 || value > 9) throw new Refusal('a status that is not three digits')
    status = status * 10 + value
  }
  if (status < 100 || status > 599) throw new Refusal('a status that is not from 100 to 599')
  let at = from + 12
  if (bytes[at] !== SP && bytes[at] !== CR) throw new Refusal('a status that is not three digits')
  while (at < end && VALUE[bytes[at] ?? 0] === 1) at++
  if (at + 1 >= end) return undefined
  if (bytes[at] !== CR || bytes[at + 1] !== LF) throw new Refusal('a status line with a control character')
  const fields = parseFields(bytes, at + 2, end, 'response')
  if (fields === undefined) return undefined
  const body = bodyOf(status, method, minor, fields)
  const isKeptAlive = body !== 'close' && (minor === 1 ? !fields.isClose : fields.isKeepAlive && !fields.isClose)
  return { status, minor, fields, end: fields.end, body, isKeptAlive }
}

/** RFC 9112, 6.3. */
function bodyOf(status: number, method: string, minor: 0 | 1, fields: Fields): BodyKind {
  if (fields.isChunked && minor === 0) throw new Refusal('Transfer-Encoding in HTTP/1.0')
  if (status < 200 || status === 204) {
    if (fields.isChunked || fields.contentLength > 0) throw new Refusal(`a body in an answer of status ${status}`)
    return 'none'
  }
  if (method === 'HEAD' || status === 304) return 'none'
  if (fields.isChunked) return 'chunked'
  if (fields.contentLength >= 0) return fields.contentLength === 0 ? 'none' : 'length'
  return 'close'
}
