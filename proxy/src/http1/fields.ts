/**
 * The field section of a head or a trailer (RFC 9112, section 5), read once, byte by byte. Nothing
 * is repaired: a line that is not exactly `name ":" OWS value OWS CRLF` ends the message and its
 * connection. So folded lines, space before the colon, bare CR or LF, NUL, and empty names are
 * refused without a rule for each.
 *
 * What frames the message, and what is for this connection only, is taken out (`cuts`): the
 * forwarder writes its own.
 */
import { COLON, CR, HOST, HTAB, isWord, LF, SP, textOf, TOKEN, VALUE } from './bytes.js'
import { Refusal } from './refusal.js'

export type FieldKind = 'request' | 'response' | 'trailer'

const MOST_FIELDS = 100
const LONGEST_LENGTH = 15 // digits: safe integers

export class Fields {
  /** Index after the empty line. */
  end = 0
  /** Where the first line begins, and where the empty line does. */
  from = 0
  to = 0
  /** -1: there is none. */
  contentLength = -1
  isChunked = false
  host: string | undefined
  isClose = false
  isKeepAlive = false
  /** Of the field `Upgrade`, when `Connection` names it. */
  upgrade: string | undefined
  hasExpect = false
  /**
   * Where the value of `Keep-Alive` is; 0: there is none. Read by `keepAliveSeconds`, once for a
   * connection rather than for each answer.
   */
  keepAliveFrom = 0
  keepAliveTo = 0
  forwardedFor: string | undefined
  forwardedHost: string | undefined
  forwardedProto: string | undefined
  /** Lines that do not go on: pairs of begin and end, ascending. */
  readonly cuts: number[] = []

  #count = 0
  #upgradeField: string | undefined
  #isUpgradeNamed = false
  #nominated: string[] | undefined

  /** Counts a line. */
  counted(): void {
    if (++this.#count > MOST_FIELDS) throw new Refusal(`more than ${MOST_FIELDS} header fields`, 431)
  }

  cut(from: number, to: number): void {
    const { cuts } = this
    if (cuts.length > 0 && cuts[cuts.length - 1] === from) cuts[cuts.length - 1] = to
    else cuts.push(from, to)
  }

  takeLength(bytes: Uint8Array, from: number, to: number): void {
    if (this.contentLength >= 0) throw new Refusal('two Content-Length fields')
    if (from === to || to - from > LONGEST_LENGTH) throw new Refusal('a Content-Length that is not a number of usual size')
    let value = 0
    for (let i = from; i < to; i++) {
      const digit = (bytes[i] ?? 0) - 48
      if (digit < 0 || digit > 9) throw new Refusal('a Content-Length that is not a number')
      value = value * 10 + digit
    }
    this.contentLength = value
  }

  takeEncoding(bytes: Uint8Array, from: number, to: number): void {
    if (this.isChunked) throw new Refusal('two Transfer-Encoding fields')
    if (to - from !== 7 || !isWord(bytes, from, 'chunked')) throw new Refusal('a Transfer-Encoding other than chunked', 501)
    this.isChunked = true
  }

  takeHost(bytes: Buffer, from: number, to: number): void {
    if (this.host !== undefined) throw new Refusal('two Host fields')
    for (let i = from; i < to; i++) if (HOST[bytes[i] ?? 0] === 0) throw new Refusal('a Host that is not a host')
    this.host = textOf(bytes, from, to)
  }

  takeUpgrade(value: string): void {
    this.#upgradeField = this.#upgradeField === undefined ? value : `${this.#upgradeField},${value}`
  }

  takeConnection(bytes: Buffer, from: number, to: number): void {
    const length = to - from
    if (length === 10 && isWord(bytes, from, 'keep-alive')) this.isKeepAlive = true
    else if (length === 5 && isWord(bytes, from, 'close')) this.isClose = true
    else for (const option of textOf(bytes, from, to).toLowerCase().split(',')) this.#takeOption(option.trim())
  }

  #takeOption(option: string): void {
    if (option === 'close') this.isClose = true
    else if (option === 'keep-alive') this.isKeepAlive = true
    else if (option === 'upgrade') this.#isUpgradeNamed = true
    else if (option !== '') (this.#nominated ??= []).push(option)
  }

  /** After the last line. */
  finish(bytes: Buffer): void {
    if (this.isChunked && this.contentLength >= 0) throw new Refusal('both Content-Length and Transfer-Encoding')
    if (this.#isUpgradeNamed) this.upgrade = this.#upgradeField
    if (this.#nominated !== undefined) this.#cutNominated(bytes, this.#nominated)
  }

  /**
   * Fields that `Connection` names are for this connection only (RFC 9110, 7.6.1). What others rely
   * on cannot be named away.
   */
  #cutNominated(bytes: Buffer, names: readonly string[]): void {
    const kept = names.find((name) => NOT_NOMINATED.has(name))
    if (kept !== undefined) throw new Refusal(`a Connection field that names ${kept}`)
    let at = this.from
    const ranges: [number, number][] = []
    for (let i = 0; i < this.cuts.length; i += 2) ranges.push([this.cuts[i] ?? 0, this.cuts[i + 1] ?? 0])
    while (at < this.to) {
      const colon = bytes.indexOf(COLON, at)
      const end = bytes.indexOf(LF, at) + 1
      if (names.includes(textOf(bytes, at, colon).toLowerCase()) && !ranges.some(([from, to]) => from <= at && at < to))
        ranges.push([at, end])
      at = end
    }
    this.cuts.length = 0
    for (const [from, to] of ranges.sort(([a], [b]) => a - b)) this.cut(from, to)
  }
}

const NOT_NOMINATED = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'expect',
  'date',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/**
 * @param from where the first line begins @param end how far there are bytes
 * @returns undefined when the section is not complete yet
 * @throws Refusal
 */
export function parseFields(bytes: Buffer, from: number, end: number, kind: FieldKind): Fields | undefined {
  const fields = new Fields()
  fields.from = from
  let at = from
  for (;;) {
    if (at >= end) return undefined
    const start = at
    if (bytes[at] === CR) {
      if (at + 1 >= end) return undefined
      if (bytes[at + 1] !== LF) throw new Refusal('a CR that no LF follows')
      fields.to = at
      fields.end = at + 2
      fields.finish(bytes)
      return fields
    }
    while (at < end && TOKEN[bytes[at] ?? 0] === 1) at++
    const nameLength = at - start
    if (at >= end) return undefined
    if (bytes[at] !== COLON) throw new Refusal(badName(bytes[at] ?? 0, nameLength))
    if (nameLength === 0) throw new Refusal('a header field without a name')
    at++
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++
    const valueStart = at
    while (at < end && VALUE[bytes[at] ?? 0] === 1) at++
    if (at >= end) return undefined
    if (bytes[at] !== CR) throw new Refusal(bytes[at] === LF ? 'an LF without a CR' : 'a control character in a header field')
    if (at + 1 >= end) return undefined
    if (bytes[at + 1] !== LF) throw new Refusal('a CR that no LF follows')
    let valueEnd = at
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
    at += 2
    fields.counted()
    if (IS_SPECIAL_LENGTH[nameLength] === 1 && take(fields, kind, bytes, { start, nameLength, valueStart, valueEnd })) fields.cut(start, at)
  }
}

function badName(byte: number, nameLength: number): string {
  if (byte === LF) return 'an LF without a CR'
  if (byte !== SP && byte !== HTAB) return 'a header field whose name has a character that none may have'
  return nameLength === 0 ? 'a folded header field' : 'space before the colon of a header field'
}

const IS_SPECIAL_LENGTH = Uint8Array.from({ length: 16_384 }, (_, length) =>
  [2, 4, 6, 7, 9, 10, 14, 15, 16, 17, 19].includes(length) ? 1 : 0,
)

interface Line {
  readonly start: number
  readonly nameLength: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** @returns whether the line is taken out */
function take(fields: Fields, kind: FieldKind, bytes: Buffer, line: Line): boolean {
  const { start, nameLength, valueStart, valueEnd } = line
  const is = (word: string): boolean => isWord(bytes, start, word)
  const value = (): string => textOf(bytes, valueStart, valueEnd)
  const isRequest = kind !== 'response'
  switch (nameLength) {
    case 2:
      return isRequest && is('te')
    case 4:
      if (isRequest && is('host')) fields.takeHost(bytes, valueStart, valueEnd)
      return false
    case 6:
      if (!isRequest || !is('expect')) return false
      if (fields.hasExpect || valueEnd - valueStart !== 12 || !isWord(bytes, valueStart, '100-continue'))
        throw new Refusal('an Expect other than 100-continue', 417)
      fields.hasExpect = true
      return true
    case 7:
      if (!is('upgrade')) return false
      fields.takeUpgrade(value())
      return true
    case 9:
      return isRequest && is('forwarded')
    case 10:
      if (is('connection')) {
        fields.takeConnection(bytes, valueStart, valueEnd)
        return true
      }
      if (!is('keep-alive')) return false
      fields.keepAliveFrom = valueStart
      fields.keepAliveTo = valueEnd
      return true
    case 14:
      if (is('content-length')) {
        refuseTabs(bytes, line)
        fields.takeLength(bytes, valueStart, valueEnd)
        return true
      }
      return isRequest && is('http2-settings')
    case 15:
      if (!isRequest || !is('x-forwarded-for')) return false
      fields.forwardedFor = fields.forwardedFor === undefined ? value() : `${fields.forwardedFor}, ${value()}`
      return true
    case 16:
      if (isRequest && is('x-forwarded-host')) {
        fields.forwardedHost ??= value()
        return true
      }
      if (!is('proxy-connection')) return false
      // Nobody should send it; who reads it, as llhttp does, takes it for `Connection`.
      if (/close/i.test(value())) fields.isClose = true
      return true
    case 17:
      if (is('transfer-encoding')) {
        refuseTabs(bytes, line)
        fields.takeEncoding(bytes, valueStart, valueEnd)
        return true
      }
      if (!isRequest || !is('x-forwarded-proto')) return false
      fields.forwardedProto ??= value()
      return true
    case 19:
      return isRequest && is('proxy-authorization')
    default:
      return false
  }
}

/** Around what frames a body, parsers take a tab for different things. */
function refuseTabs(bytes: Buffer, { start, nameLength, valueStart, valueEnd }: Line): void {
  for (let i = start + nameLength + 1; i < valueStart; i++) if (bytes[i] === HTAB) throw new Refusal('a tab before what frames the body')
  if (bytes[valueEnd] === HTAB || bytes[valueEnd] === SP) throw new Refusal('space after what frames the body')
}

/** Seconds of `Keep-Alive: timeout=`. */
export function keepAliveSeconds(bytes: Buffer, { keepAliveFrom, keepAliveTo }: Fields): number | undefined {
  if (keepAliveFrom === 0) return undefined
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(textOf(bytes, keepAliveFrom, keepAliveTo))?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}
