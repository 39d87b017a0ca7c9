import { WebSocketFrames } from './websocket-frames.js'

const ANSWER = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n')
const FIN = 0x80

function frame(first: number, length: number): Uint8Array {
  const payload = new Uint8Array(length).fill(0x88)
  if (length < 126) return Uint8Array.of(first, length, ...payload)
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head.set([first, length < 65_536 ? 126 : 127])
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

/** Where there is room between two frames, by the number of bytes written. */
function ends(bytes: Uint8Array): number[] {
  const frames = new WebSocketFrames()
  const found: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    frames.take(bytes.subarray(at, at + 1))
    if (frames.isBetweenFrames) found.push(at + 1)
  }
  return found
}

it('knows the ends of frames of any length, a byte at a time', () => {
  const parts = [ANSWER, ...[0, 1, 125, 126, 65_535, 65_536].map((length) => frame(FIN | 2, length))]
  let at = 0
  expect(ends(Buffer.concat(parts))).toEqual(parts.map(({ length }) => (at += length)))
})

it('knows them where many come at once', () => {
  const frames = new WebSocketFrames()
  const last = frame(FIN | 1, 300)
  frames.take(Buffer.concat([ANSWER, frame(1, 7), frame(FIN | 9, 3), frame(FIN, 70_000), last.subarray(0, 299)]))
  expect(frames.isBetweenFrames).toBe(false)
  frames.take(last.subarray(299))
  expect(frames.isBetweenFrames).toBe(true)
})

it.each<readonly [string, Uint8Array]>([
  ['an answer that is not 101', Buffer.from('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')],
  ['a frame of the client', Buffer.concat([ANSWER, Uint8Array.of(FIN | 1, 0x80, 0, 0, 0, 0)])],
  ['an opcode that there is not', Buffer.concat([ANSWER, frame(FIN | 3, 0)])],
  ['a control frame in fragments', Buffer.concat([ANSWER, frame(9, 0)])],
  ['a long control frame', Buffer.concat([ANSWER, frame(FIN | 9, 126)])],
  ['what comes after the close frame of the server', Buffer.concat([ANSWER, frame(FIN | 8, 2)])],
])('leaves no room after %s', (_, bytes) => {
  const frames = new WebSocketFrames()
  frames.take(bytes)
  frames.take(frame(FIN | 1, 1))
  expect([frames.isOpen, frames.isBetweenFrames]).toEqual([false, false])
})
