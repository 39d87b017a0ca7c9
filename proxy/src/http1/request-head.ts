/** The head of a request (RFC 9112, section 3), read strictly. */
import { CR, LF, SP, TARGET, textOf } from './bytes.js'
import { parseFields, type Fields } from './fields.js'
import { Refusal } from './refusal.js'

/** Longest head. Backends on Node refuse 16 KiB, and the forwarder adds fields of its own. */
export const LONGEST_HEAD: number = 15 * 1_024
const LONGEST_METHOD = 16

/**
 * What goes on. `CONNECT` asks for a tunnel to anywhere, `TRACE` echoes what other fields hid;
 * others are refused because not every parser behind knows them.
 */
const METHODS: ReadonlySet<string> = new Set(
  (
    'GET HEAD POST PUT DELETE OPTIONS PATCH QUERY ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE ' +
    'PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH UNBIND UNLINK UNLOCK'
  ).split(' '),
)

export interface RequestHead {
  readonly method: string
  /** Begins with `/`, or is `*`. Absolute forms are brought to this. */
  readonly target: string
  /** 1 or 0 of `HTTP/1.x`. */
  readonly minor: 0 | 1
  readonly fields: Fields
  /** Index after the head. */
  readonly end: number
  /** The request line that goes on, when it is not the one that came. */
  readonly line: string | undefined
  /** Index of the request line's first byte. */
  readonly start: number
  /** Of HTTP/1.0: the one that goes on needs a `Host` field. */
  readonly isHostMissing: boolean
  readonly hasBody: boolean
  readonly isKeptAlive: boolean
}

/**
 * @param from where the message begins @param end how far there are bytes
 * @returns undefined when the head is not complete yet
 * @throws Refusal
 */
export function parseRequestHead(bytes: Buffer, from: number, end: number): RequestHead | undefined {
  let start = from
  // One empty line before a request is let pass (RFC 9112, 2.2): old clients send one after a body.
  if (bytes[start] === CR) {
    if (start + 1 >= end) return undefined
    if (bytes[start + 1] !== LF) throw new Refusal('a CR that no LF follows')
    start += 2
  }
  const head = parse(bytes, start, end)
  if ((head?.end ?? end) - start > LONGEST_HEAD) throw new Refusal(`a head of more than ${LONGEST_HEAD} bytes`, 431)
  return head
}

function parse(bytes: Buffer, start: number, end: number): RequestHead | undefined {
  let at = start
  while (at < end && isUpper(bytes[at] ?? 0)) at++
  if (at - start > LONGEST_METHOD) throw new Refusal('a method that this proxy does not know', 501)
  if (at >= end) return undefined
  if (bytes[at] !== SP || at === start) throw new Refusal('a request line that does not begin with a method and one space')
  const method = methodOf(bytes, start, at)
  const targetStart = ++at
  while (at < end && TARGET[bytes[at] ?? 0] === 1) at++
  if (at >= end) return undefined
  if (bytes[at] !== SP || at === targetStart) throw new Refusal('a request target with a character that none may have')
  const targetEnd = at
  const lineEnd = at + 11 // ` HTTP/1.1` and CRLF
  if (lineEnd > end) {
    if (!couldBeVersion(bytes, at, end)) throw new Refusal('a version other than HTTP/1.1 and HTTP/1.0', 505)
    return undefined
  }
  if (!couldBeVersion(bytes, at, lineEnd)) throw new Refusal('a version other than HTTP/1.1 and HTTP/1.0', 505)
  const minor = bytes[at + 8] === 49 ? 1 : 0
  const fields = parseFields(bytes, lineEnd, end, 'request')
  if (fields === undefined) return undefined

  const isHostMissing = fields.host === undefined
  const written = textOf(bytes, targetStart, targetEnd)
  const target = targetOf(written, method, fields)
  if (minor === 1 && isHostMissing) throw new Refusal('no Host field')
  if (minor === 0 && fields.isChunked) throw new Refusal('Transfer-Encoding in HTTP/1.0')
  const isKeptAlive = minor === 1 ? !fields.isClose : fields.isKeepAlive && !fields.isClose
  const line = minor === 1 && target === written ? undefined : `${method} ${target} HTTP/1.1\r\n`
  const hasBody = fields.isChunked || fields.contentLength > 0
  return { method, target, minor, fields, start, end: fields.end, line, isHostMissing, hasBody, isKeptAlive }
}

function isUpper(byte: number): boolean {
  return byte >= 65 && byte <= 90
}

function methodOf(bytes: Buffer, from: number, to: number): string {
  if (to - from === 3 && bytes[from] === 71 && bytes[from + 1] === 69 && bytes[from + 2] === 84) return 'GET'
  const method = textOf(bytes, from, to)
  if (!METHODS.has(method)) throw new Refusal('a method that this proxy does not know', 501)
  return method
}

const VERSION = ' HTTP/1.1\r\n'

/** The bytes up to `to` may be the end of a request line. */
function couldBeVersion(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const wanted = VERSION.charCodeAt(i - from)
    if (bytes[i] !== wanted && !(i - from === 8 && bytes[i] === 48)) return false
  }
  return true
}

/** RFC 9112, 3.2. An absolute form must be accepted; it must name the host that the field names. */
function targetOf(written: string, method: string, fields: Fields): string {
  if (written.charCodeAt(0) === 47) return written
  if (written === '*' && method === 'OPTIONS') return written
  const [, authority, path] = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(written) ?? []
  if (authority === undefined) throw new Refusal('a request target that is neither a path nor an absolute URL')
  if (authority.toLowerCase() !== (fields.host ?? authority).toLowerCase())
    throw new Refusal('a request target of another host than the Host field')
  for (let i = 0; i < authority.length; i++)
    if (!/[\w.~:[\]-]/.test(authority.charAt(i))) throw new Refusal('a request target whose host is not one')
  fields.host ??= authority
  if (path === undefined) return method === 'OPTIONS' ? '*' : '/'
  return path.startsWith('/') ? path : `/${path}`
}
