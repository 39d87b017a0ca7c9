import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import type { Backend } from '../proxy.js'

export interface RunningBackend extends Backend, AsyncDisposable {
  readonly server: Server
}

/** A backend in this process: Node's own HTTP server. */
export async function startBackend(id: string, answer: RequestListener): Promise<RunningBackend> {
  const server = createServer({ keepAliveTimeout: 60_000 }, answer)
  return {
    id,
    host: '127.0.0.1',
    port: await listening(server),
    server,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A backend that says what it is told to, HTTP or not. */
export async function startRawBackend(id: string, serve: (socket: Socket) => void): Promise<Backend & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  return {
    id,
    host: '127.0.0.1',
    port: await listening(server),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function listening(server: TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port // it listens on TCP
}
