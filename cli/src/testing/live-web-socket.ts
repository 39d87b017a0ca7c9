// WebSockets of an application that has none: a server to load into it, and a client.

export interface Live {
  /** Which release is at the other end. */
  ask(): Promise<string>
  close(): void
  /** With the code of the close. */
  readonly closed: Promise<number>
}

/** By Node's own client, which takes the host from the address. */
export async function openLive(url: string): Promise<Live> {
  const socket = new WebSocket(url)
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true })
      socket.addEventListener('close', ({ code }) => reject(new Error(`it was closed with ${code}`)), { once: true })
    })
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code), { once: true }))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', () => reject(new Error('it was not opened')), { once: true })
  })
  return {
    ask() {
      const answer = next()
      socket.send('who')
      return answer
    },
    close: () => socket.close(),
    closed,
  }
}

/**
 * A module for `--import`: every HTTP server of the process accepts WebSockets, and answers each
 * message with the `RELEASE` of its environment.
 */
export const LIVE_MODULE = `
import { createHash } from 'node:crypto'
import { Server } from 'node:http'
const { listen } = Server.prototype
Server.prototype.listen = function (...args) {
  this.on('upgrade', ({ headers }, socket) => {
    const accept = createHash('sha1').update(headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n')
    const release = Buffer.from(process.env.RELEASE)
    socket.on('data', (frame) => {
      if ((frame[0] & 15) === 8) socket.end(Buffer.from([0x88, 0]))
      else socket.write(Buffer.concat([Buffer.from([0x81, release.length]), release]))
    })
    socket.on('error', () => socket.destroy())
  })
  return listen.apply(this, args)
}
`
