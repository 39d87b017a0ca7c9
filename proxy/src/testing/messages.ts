/**
 * Messages of HTTP/1 that a parser may misread: most of them proper, the others made of what
 * smuggling is made of, and bytes changed here and there. The lists hold what has deceived proxies
 * before: CVE-2019-18277 (`\x0bchunked`), CVE-2021-40346 (long names), CVE-2023-25725 (empty
 * names), CVE-2023-40225 (empty lengths), CVE-2023-45539 (`#`), CVE-2024-27982 (space before the
 * colon), CVE-2025-55315 (LF in chunk extensions).
 */
import type { Random } from './random.js'

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'QUERY',
  'M-SEARCH',
  'get',
  'G ET',
  'FOO',
  'TRACE',
  '',
]
const TARGETS = [
  '/',
  '/a',
  '/a?b=c',
  '/%0d%0a',
  '*',
  'http://a/x',
  'http://a',
  'http://A/?y',
  'http://b/',
  'https://a/',
  'a',
  '/a#b',
  '/\x80',
  '//a/b',
  '/a\\b',
  '/"<>{|}',
  '/a b',
]
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.1 ',
  '',
]
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const BODIES = ['a', 'hello', '0\r\n\r\n', SMUGGLED, '\r\n', '0'.repeat(70), '\x00\xff\x80']
const FIELDS = [
  'X-A: 1',
  'x-b:2',
  'X-C:  three  ',
  'X-D:\tfour\t',
  'X-E:',
  'X-F: \x80\xff',
  `X-${'g'.repeat(300)}: long`,
  'Accept: */*',
  'Cookie: a=b; c=d',
  'Connection: keep-alive',
  'Connection: X-A',
  'Connection: keep-alive, x-c',
  'Connection: content-length',
  'Connection: close',
  'Upgrade: h2c',
  'TE: trailers',
  'Keep-Alive: timeout=5',
  'Expect: 100-continue',
  'Expect: x',
  'X-Forwarded-For: 1.2.3.4',
  'Forwarded: for=1.2.3.4',
  'Proxy-Connection: close',
  'Trailer: X-T',
  ': empty',
  'X-G : space',
  'X-H\t: tab',
  ' X-I: folded',
  '\tX-J: folded',
  'X-K: a\x00b',
  'X-L: a\rb',
  'X-M: a\nb',
  'X-N',
  'X\x80: high',
  'X(Y): comment',
  'Host: b',
]
const LENGTHS = [': ', ':', ':\t', ': ', ' : ', ':\x0b', ':+', ':-', ': 0', ':0x', ': 1,', ':  ']
const CODINGS = [
  'Transfer-Encoding: chunked',
  'transfer-encoding:CHUNKED',
  'Transfer-Encoding:\tchunked\t',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:',
  'Transfer-Encoding : chunked',
  ' Transfer-Encoding: chunked',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
]
const EXTENSIONS = ['', '', '', '', '', ';a', ';a=b', ';a=b;c', ';a="b"', ';', ' ;a', ';a\n', ';a=\r', ' ', ';\x00']
const TRAILERS = [
  '',
  '',
  '',
  'X-T: 1\r\n',
  'X-T: 1\r\nX-U: 2\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  ' folded\r\n',
  'X-T : 1\r\n',
  'X-T: 1\n',
]
const SPLICES = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '0',
  '1',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x85',
  '\xa0',
  '-',
  '_',
  'a',
  '"',
  '#',
]

function chunked(random: Random, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(body.length - at)
    const written = size.toString(16)
    const odd = random.chance(0.04) ? random.pick(['0x', '+', ' ', '-']) : random.chance(0.1) ? '0'.repeat(random.below(10)) : ''
    text += `${odd}${random.chance(0.2) ? written.toUpperCase() : written}${random.chance(0.2) ? random.pick(EXTENSIONS) : ''}\r\n${body.slice(at, at + size)}\r\n`
    at += size
  }
  return `${text}${random.pick(['0', '0', '0', '00', '000'])}${random.chance(0.1) ? random.pick(EXTENSIONS) : ''}\r\n${random.chance(0.3) ? random.pick(TRAILERS) : ''}\r\n`
}

/** Fields that frame the body, and the body. */
function framed(random: Random): { readonly fields: readonly string[]; readonly body: string } {
  const body = random.pick(BODIES)
  const kind = random.below(10)
  if (kind < 3) return { fields: [], body: '' }
  if (kind < 6) {
    const name = random.pick(['Content-Length', 'content-length', 'Content-Length', 'Content_Length'])
    const fields = [`${name}${random.chance(0.15) ? random.pick(LENGTHS) : ': '}${body.length}`]
    if (random.chance(0.08))
      fields.push(random.pick([`Content-Length: ${body.length}`, 'Content-Length: 0', 'Content-Length:', random.pick(CODINGS)]))
    return { fields, body }
  }
  const fields = [random.chance(0.8) ? 'Transfer-Encoding: chunked' : random.pick(CODINGS)]
  if (random.chance(0.08)) fields.push(`Content-Length: ${body.length}`)
  return { fields, body: chunked(random, body) }
}

function someFields(random: Random): readonly string[] {
  return Array.from({ length: random.below(4) }, () => (random.chance(0.8) ? random.pick(FIELDS.slice(0, 9)) : random.pick(FIELDS)))
}

function shuffled(random: Random, fields: readonly string[]): readonly string[] {
  return random.chance(0.3) ? fields.toReversed() : fields
}

function changed(random: Random, text: string): string {
  if (!random.chance(0.2)) return text
  let result = text
  for (let left = 1 + random.below(2); left > 0; left--) {
    const at = random.below(result.length + 1)
    const gone = random.chance(0.5) ? random.below(3) : 0
    result = result.slice(0, at) + (random.chance(0.8) ? random.pick(SPLICES) : '') + result.slice(at + gone)
  }
  return result
}

/** One to three requests, one after the other. */
export function someRequests(random: Random): Buffer {
  let text = ''
  for (let left = 1 + random.below(3); left > 0; left--) {
    const method = random.chance(0.8) ? random.pick(METHODS.slice(0, 9)) : random.pick(METHODS)
    const target = random.chance(0.8) ? random.pick(TARGETS.slice(0, 4)) : random.pick(TARGETS)
    const version = random.chance(0.9) ? 'HTTP/1.1' : random.pick(VERSIONS)
    const { fields, body } = framed(random)
    const host = random.chance(0.96)
      ? ['Host: a']
      : random.pick([[], ['Host: a', 'Host: a'], ['Host: a b'], ['Host:'], ['Host: a:80'], ['Host: a@b'], ['Host: [::1]']])
    const head = [`${method} ${target} ${version}`, ...shuffled(random, [...host, ...someFields(random), ...fields]), '', ''].join('\r\n')
    text += (random.chance(0.03) ? '\r\n' : '') + changed(random, head + body)
  }
  return Buffer.from(text, 'latin1')
}

const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 500 \x80',
]
const ODD_STATUS_LINES = [
  'HTTP/1.1 200',
  'HTTP/1.1  200 OK',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.2 200 OK',
  'ICY 200 OK',
  'HTTP/1.1 099 A',
  'HTTP/1.1 600 A',
  'HTTP/1.1 200\tOK',
]
const INTERIMS = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nContent-Length: 3\r\n\r\nabc',
]

export function someResponse(random: Random): Buffer {
  const line = random.chance(0.9) ? random.pick(STATUS_LINES.slice(0, random.chance(0.7) ? 2 : 6)) : random.pick(ODD_STATUS_LINES)
  const { fields, body } = framed(random)
  const head = [line, ...shuffled(random, [...someFields(random), ...fields]), '', ''].join('\r\n')
  return Buffer.from((random.chance(0.1) ? random.pick(INTERIMS) : '') + changed(random, head + body), 'latin1')
}
