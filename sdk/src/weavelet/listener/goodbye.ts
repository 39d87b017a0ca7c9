/**
 * What a listener says to clients that would stay, so that they come back elsewhere before they are cut off: WebSockets get a close frame with 1001 ("going
 * away"), event streams get their end. The application has its usual events: the client answers a close frame with another one, and the library that serves the
 * WebSocket takes it from there.
 *
 * I1  A close frame never lies inside of another frame: libraries write a frame in one turn of the event loop, but a gateway writes bytes as they come from
 *     elsewhere. So the frames of each WebSocket are followed (websocket-frames.ts), and where one has begun, the close frame waits for its end; a control frame
 *     may stand between two fragments of a message (RFC 6455, 5.4). Nor does it come before the handshake is answered, nor where the bytes are not frames.
 * I2  A server that takes no upgrades stays one: Node answers an upgrade as any other request where nobody listens for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { WebSocketFrames } from './websocket-frames.js'

/** FIN and opcode 8, two bytes unmasked, 1001. */
const GOING_AWAY = Uint8Array.of(0x88, 0x02, 0x03, 0xe9)
const EVENT_STREAM = /^content-type: *text\/event-stream/im

export interface Goodbye {
  /** Says it to every connection that is told nothing yet. May be called again and again. @returns to how many */
  say(): number
}

/** @param answers that are not at their end */
export function createGoodbye(server: Server, answers: Iterable<ServerResponse>): Goodbye {
  const webSockets = new Map<Socket, WebSocketFrames>()
  const onUpgrade = (request: IncomingMessage, socket: Socket): void => {
    if (server.listenerCount('upgrade') === 1) return void socket.destroy() // I2: the listener of the application has left
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return
    webSockets.set(socket, followFrames(socket))
    socket.once('close', () => webSockets.delete(socket))
  }
  const watch = (): unknown => server.prependListener('upgrade', onUpgrade)
  const onNewListener = (event: string): void => {
    if (event !== 'upgrade') return
    server.off('newListener', onNewListener)
    watch()
  }
  if (server.listenerCount('upgrade') > 0) watch()
  else server.on('newListener', onNewListener) // I2
  return {
    say() {
      let told = 0
      for (const [socket, frames] of webSockets) {
        if (!socket.writable || !frames.isOpen) continue // I1
        closeBetweenFrames(socket, frames)
        webSockets.delete(socket)
        told++
      }
      for (const answer of answers) {
        if (answer.writableEnded || !isEventStream(answer)) continue
        answer.on('error', ignoreLateWrites)
        answer.end()
        told++
      }
      return told
    },
  }
}

/** Follows what is written to the socket from now on. */
function followFrames(socket: Socket): WebSocketFrames {
  const frames = new WebSocketFrames()
  onWrite(socket, (chunk, encoding) => {
    if (chunk instanceof Uint8Array) frames.take(chunk)
    else if (typeof chunk === 'string')
      frames.take(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')) // Node took it
    else frames.lose()
  })
  return frames
}

/** I1 */
function closeBetweenFrames(socket: Socket, frames: WebSocketFrames): void {
  if (frames.isBetweenFrames) return void socket.write(GOING_AWAY)
  let isOver = false
  onWrite(socket, () => {
    if (isOver || !frames.isBetweenFrames) return
    isOver = true
    socket.write(GOING_AWAY)
  })
}

/** @param listener gets the arguments of each `write` of the socket, after it */
function onWrite(socket: Socket, listener: (...args: unknown[]) => void): void {
  const write = socket.write as (this: Socket, ...args: unknown[]) => boolean // all of its forms
  socket.write = function (this: Socket, ...args: unknown[]): boolean {
    const goesOn = write.apply(this, args)
    listener(...args)
    return goesOn
  }
}

/** The application may write once more before it learns of the end; without a listener that would end the process. */
function ignoreLateWrites(): void {
  // Node has told the writer already: `write()` gave false, and its callback has the error.
}

function isEventStream(answer: ServerResponse): boolean {
  if (!answer.headersSent) return false
  const type = answer.getHeader('content-type')
  if (type !== undefined) return String(type).startsWith('text/event-stream')
  // What is given to `writeHead` alone is nowhere else. Where Node should rename it, such a stream is cut off as any other answer.
  const { _header: head } = answer as { readonly _header?: unknown }
  return typeof head === 'string' && EVENT_STREAM.test(head)
}
