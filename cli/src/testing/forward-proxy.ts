import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ForwardProxy {
  /** `127.0.0.1:port` */
  readonly host: string
  /** The requests as received: `CONNECT kube.corp:443`, `GET http://registry.corp/v2/`. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}
export interface ProxyOptions {
  /** Loopback ports of the names that only the proxy can resolve: `registry.corp:443`. */
  readonly ports: Readonly<Record<string, number>>
  /** `user:password` that it requires. */
  readonly credentials?: string
}

/**
 * A forward proxy as companies run them: CONNECT for HTTPS, requests with absolute URLs for plain
 * HTTP. It refuses CONNECT to port 80, as Squid does.
 */
export async function startForwardProxy({ ports, credentials }: ProxyOptions): Promise<ForwardProxy> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const url = new URL(request.url ?? '')
    const port = ports[`${url.hostname}:${url.port || 80}`]
    if (request.headers['proxy-authorization'] !== wanted) return void response.writeHead(407).end('who are you?')
    if (port === undefined) return void response.writeHead(502).end('no such host')
    const { 'proxy-authorization': _, ...headers } = request.headers
    const passed = httpRequest({ host: '127.0.0.1', port, path: url.pathname + url.search, method: request.method, headers }, (from) => {
      response.writeHead(from.statusCode ?? 502, from.headers)
      from.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  })
  server.on('connect', (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`)
    socket.on('error', () => socket.destroy())
    const port = ports[request.url ?? '']
    const refusal = request.headers['proxy-authorization'] !== wanted ? '407 Proxy Authentication Required' : port === undefined || request.url?.endsWith(':80') === true ? '403 Forbidden' : undefined // prettier-ignore
    if (refusal !== undefined || port === undefined) return void socket.end(`HTTP/1.1 ${refusal}\r\ncontent-length: 0\r\n\r\n`)
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
    target.on('error', () => socket.destroy())
    for (const one of [socket, target]) sockets.add(one)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return {
    host: `127.0.0.1:${port}`,
    asked,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
