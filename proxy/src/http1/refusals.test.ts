/**
 * What is refused, and for which reason: one line each for what has deceived a parser somewhere.
 */
import { BodyReader } from './body.js'
import { parseRequestHead } from './request-head.js'
import { parseResponseHead } from './response-head.js'

const request = (text: string): unknown => {
  const bytes = Buffer.from(text, 'latin1')
  return parseRequestHead(bytes, 0, bytes.length)
}
const chunks = (text: string): unknown => {
  const bytes = Buffer.from(text, 'latin1')
  return new BodyReader('chunked', 0).read(bytes, 0, bytes.length, { pass: () => {} })
}
const get = (...fields: string[]): string => ['GET / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n')

it.each([
  ['GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target with a character that none may have', 400],
  ['GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 'a version other than HTTP/1.1 and HTTP/1.0', 505],
  ['GET /\r\nHost: a\r\n\r\n', 'a request target with a character that none may have', 400],
  ['GET / HTTP/1.1\nHost: a\n\n', 'a version other than HTTP/1.1 and HTTP/1.0', 505],
  ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'a version other than HTTP/1.1 and HTTP/1.0', 505],
  ['get / HTTP/1.1\r\nHost: a\r\n\r\n', 'a request line that does not begin with a method and one space', 400],
  ['BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 'a method that this proxy does not know', 501],
  ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'a method that this proxy does not know', 501],
  ['\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'a request line that does not begin with a method and one space', 400],
  ['\n GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'a request line that does not begin with a method and one space', 400],
  ['GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target with a character that none may have', 400], // CVE-2023-45539
  ['GET a HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target that is neither a path nor an absolute URL', 400],
  ['GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target that is neither a path nor an absolute URL', 400],
  ['GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target of another host than the Host field', 400],
  ['GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'a request target that is neither a path nor an absolute URL', 400],
  ['GET / HTTP/1.1\r\n\r\n', 'no Host field', 400],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'two Host fields', 400],
  ['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'a Host that is not a host', 400],
  ['GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 'a Host that is not a host', 400],
  [get('X: a\nY: b'), 'an LF without a CR', 400],
  [get('X: a\rY: b'), 'a CR that no LF follows', 400],
  [get('X: a\0b'), 'a control character in a header field', 400],
  [get('X: a', ' folded'), 'a folded header field', 400],
  [get('X : a'), 'space before the colon of a header field', 400], // CVE-2024-27982
  [get('X\0: a'), 'a header field whose name has a character that none may have', 400],
  [get(': a'), 'a header field without a name', 400], // CVE-2023-25725
  [get('X'), 'a header field whose name has a character that none may have', 400],
  [get('Content-Length:'), 'a Content-Length that is not a number of usual size', 400], // CVE-2023-40225
  [get('Content-Length: +1'), 'a Content-Length that is not a number', 400],
  [get('Content-Length: 1, 1'), 'a Content-Length that is not a number', 400],
  [get('Content-Length: 0x1'), 'a Content-Length that is not a number', 400],
  [get('Content-Length: 1234567890123456'), 'a Content-Length that is not a number of usual size', 400],
  [get('Content-Length:\t1'), 'a tab before what frames the body', 400],
  [get('Content-Length: 1', 'content-length: 1'), 'two Content-Length fields', 400],
  [get('Content-Length: 0', 'Transfer-Encoding: chunked'), 'both Content-Length and Transfer-Encoding', 400],
  [get('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), 'two Transfer-Encoding fields', 400],
  [get('Transfer-Encoding: \x0bchunked'), 'a control character in a header field', 400], // CVE-2019-18277
  [get('Transfer-Encoding: identity'), 'a Transfer-Encoding other than chunked', 501],
  [get('Transfer-Encoding: chunked '), 'space after what frames the body', 400],
  [get(`${'a'.repeat(270)}: 1`, `Content-Length${'0'.repeat(260)}: 1`, 'Content-Length: x'), 'a Content-Length that is not a number', 400], // CVE-2021-40346
  ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 'Transfer-Encoding in HTTP/1.0', 400],
  [get('Connection: close, Content-Length', 'Content-Length: 1'), 'a Connection field that names content-length', 400],
  [get('Connection: X-Forwarded-For'), 'a Connection field that names x-forwarded-for', 400],
])('request %j: %s', (text, reason, status) => {
  expect(() => request(text)).toThrow(expect.objectContaining({ message: reason, status }))
})

it.each([
  ['\r\n', 'a chunk without a size'],
  ['0x1\r\na\r\n', 'a chunk size with a character that none may have'],
  ['1 \r\na\r\n', 'a chunk size with a character that none may have'],
  ['+1\r\na\r\n', 'a chunk without a size'],
  ['1\na\r\n', 'a chunk size with a character that none may have'],
  ['000000001\r\na\r\n', 'a chunk size of more than eight digits'],
  ['1\r\nab\r\n', 'chunk data that is longer than its size'],
  ['1\r\na\r\r', 'a CR that no LF follows'],
  ['1\r\na\n', 'chunk data that is longer than its size'],
  ['1;\r\na\r\n', 'a chunk extension that is not one'],
  ['1;a\nb\r\na\r\n', 'a chunk extension that is not one'], // CVE-2025-55315
  ['1;a="\r\n"\r\na\r\n', 'a chunk extension that is not one'],
  [`1;${'a'.repeat(5_000)}`, 'chunk extensions that are too long'],
  ['0\r\nContent-Length: 5\r\n\r\n', 'a trailer that belongs into the head'],
  ['0\r\nHost: b\r\n\r\n', 'a trailer that belongs into the head'],
  ['0\r\n folded\r\n\r\n', 'a folded header field'],
])('chunks %j: %s', (text, reason) => {
  expect(() => chunks(text)).toThrow(reason)
})

it.each([
  ['ICY 200 OK\r\n\r\n', 'GET', 'a status line that does not begin with HTTP/1.1 or HTTP/1.0'],
  ['HTTP/1.1 20 OK\r\n\r\n', 'GET', 'a status that is not three digits'],
  ['HTTP/1.1 999 OK\r\n\r\n', 'GET', 'a status that is not from 100 to 599'],
  ['HTTP/1.1 200 OK\nX: y\r\n\r\n', 'GET', 'a status line with a control character'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'GET', 'two Content-Length fields'],
  ['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', 'GET', 'a body in an answer of status 204'],
  ['HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n', 'GET', 'a body in an answer of status 100'],
  ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HEAD', 'Transfer-Encoding in HTTP/1.0'],
])('answer %j to %s: %s', (text, method, reason) => {
  const bytes = Buffer.from(text, 'latin1')
  expect(() => parseResponseHead(bytes, 0, bytes.length, method)).toThrow(reason)
})
