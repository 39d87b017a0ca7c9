/**
 * Two backends and the client, all in this process, so that the proxy has a core of its own: what
 * they cost is the same for every proxy.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const REPLY = 'hello from a backend, small as most answers are\n'
const ANSWER = [
  'HTTP/1.1 200 OK',
  'Content-Type: text/plain; charset=utf-8',
  'X-Content-Type-Options: nosniff',
  'Cache-Control: no-store',
  'Date: Sun, 29 Nov 2026 12:00:00 GMT',
  `Content-Length: ${REPLY.length}`,
  'Connection: keep-alive',
  'Keep-Alive: timeout=72',
  '',
  REPLY,
].join('\r\n')
const REQUEST = [
  'GET /shop/items/42?currency=EUR HTTP/1.1',
  'Host: shop.example.com',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-GB,en;q=0.5',
  'Cookie: session=6f1c0a2b7d9e4c55b1d0; theme=dark',
  'Connection: keep-alive',
  '',
  '',
].join('\r\n')

export interface Backends {
  readonly ports: readonly number[]
  /** Requests that each has answered. */
  readonly answered: readonly number[]
  close(): void
}

export async function startBackends(count: number): Promise<Backends> {
  const answered = Array.from({ length: count }, () => 0)
  const sockets = new Set<Socket>()
  const servers = answered.map((_, index) =>
    createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      // Requests are small and without a body, and a proxy sends one after the other: an empty line
      // ends one.
      let tail = ''
      socket.on('data', (chunk) => {
        const text = tail + chunk.toString('latin1')
        const parts = text.split('\r\n\r\n')
        tail = parts.pop() ?? ''
        if (parts.length === 0) return
        answered[index] = (answered[index] ?? 0) + parts.length
        socket.write(ANSWER.repeat(parts.length), 'latin1')
      })
    }),
  )
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))))
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port), // they listen on TCP
    answered,
    close: () => {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

export interface Load {
  readonly requests: number
  readonly seconds: number
  /** Microseconds of each request. */
  readonly latencies: readonly number[]
}

/** Connections that each ask again as soon as they have the answer. */
export async function load(port: number, connections: number, seconds: number): Promise<Load> {
  const latencies: number[] = []
  const started = performance.now()
  const until = started + seconds * 1_000
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect({ host: '127.0.0.1', port, noDelay: true })
          let sent = 0
          let text = ''
          const ask = (): void => {
            sent = performance.now()
            socket.write(REQUEST, 'latin1')
          }
          socket.on('connect', ask)
          socket.on('data', (chunk) => {
            text += chunk.toString('latin1')
            if (!text.endsWith(REPLY)) return
            if (!text.startsWith('HTTP/1.1 200')) return void socket.destroy(new Error(text.slice(0, 200)))
            text = ''
            const now = performance.now()
            latencies.push((now - sent) * 1_000)
            if (now < until) ask()
            else socket.end(resolve)
          })
          socket.on('error', reject)
          socket.on('close', () => reject(new Error('the proxy closed a connection')))
        }),
    ),
  )
  return { requests: latencies.length, seconds: (performance.now() - started) / 1_000, latencies }
}
