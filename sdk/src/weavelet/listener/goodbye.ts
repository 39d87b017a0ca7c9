/**
 * Asks clients that would stay to reconnect elsewhere before they are cut off: WebSockets get a
 * close frame with 1001 ("going away"), event streams are ended. The application sees its usual
 * events: the client answers with a close frame, and the WebSocket library of the server handles
 * it.
 *
 * I1  A close frame is never inside of another frame: libraries write a frame in one turn of the
 *     event loop, but a gateway forwards bytes as they arrive. So the frames of each WebSocket are
 *     followed (websocket-frames.ts), and a close frame waits for the end of an open frame; a
 *     control frame may come between two fragments of a message (RFC 6455, 5.4). It is not sent
 *     before the handshake is answered, nor if the bytes are not frames.
 * I2  A server without upgrades stays so: without a listener Node treats an upgrade as a normal
 *     request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { WebSocketFrames } from './websocket-frames.js'

/** FIN and opcode 8, two bytes unmasked, 1001. */
const GOING_AWAY = Uint8Array.of(0x88, 0x02, 0x03, 0xe9)
const EVENT_STREAM = /^content-type: *text\/event-stream/im

export interface Goodbye {
  /**
   * Says goodbye to every connection that has not received it. May be called repeatedly.
   * @returns the number of connections
   */
  say(): number
}

/** @param answers responses that have not ended */
export function createGoodbye(server: Server, answers: Iterable<ServerResponse>): Goodbye {
  const webSockets = new Map<Socket, WebSocketFrames>()
  const onUpgrade = (request: IncomingMessage, socket: Socket): void => {
    if (server.listenerCount('upgrade') === 1) return void socket.destroy() // I2: the application's listener is gone
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

/** Starts to follow what is written to the socket. */
function followFrames(socket: Socket): WebSocketFrames {
  const frames = new WebSocketFrames()
  onWrite(socket, (chunk, encoding) => {
    if (chunk instanceof Uint8Array) frames.take(chunk)
    else if (typeof chunk === 'string')
      frames.take(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')) // Node accepted it
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

/** @param listener is called after each `write` of the socket, with its arguments */
function onWrite(socket: Socket, listener: (...args: unknown[]) => void): void {
  const write = socket.write as (this: Socket, ...args: unknown[]) => boolean // all overloads
  socket.write = function (this: Socket, ...args: unknown[]): boolean {
    const goesOn = write.apply(this, args)
    listener(...args)
    return goesOn
  }
}

/**
 * The application may write once more before it notices the end; without a listener that would end
 * the process.
 */
function ignoreLateWrites(): void {
  // The writer has been notified by Node: `write()` returned false, and its callback has the error.
}

function isEventStream(answer: ServerResponse): boolean {
  if (!answer.headersSent) return false
  const type = answer.getHeader('content-type')
  if (type !== undefined) return String(type).startsWith('text/event-stream')
  // Headers passed only to `writeHead` are nowhere else. If Node renames the field, such a stream
  // is cut off like any other response.
  const { _header: head } = answer as { readonly _header?: unknown }
  return typeof head === 'string' && EVENT_STREAM.test(head)
}
