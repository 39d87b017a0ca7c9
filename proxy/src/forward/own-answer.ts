import { STATUS_CODES } from 'node:http'

/** An answer of the proxy itself: a line of text that says what is wrong. */
export function ownAnswer(
  status: number,
  reason: string,
  { isClosing, isHead = false }: { readonly isClosing: boolean; readonly isHead?: boolean },
): string {
  const name = STATUS_CODES[status] ?? ''
  const body = `${status} ${name}: ${reason}\n`
  const head = [
    `HTTP/1.1 ${status} ${name}`,
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 503 ? ['Retry-After: 1'] : []),
    ...(isClosing ? ['Connection: close'] : []),
  ]
  return `${head.join('\r\n')}\r\n\r\n${isHead ? '' : body}`
}
