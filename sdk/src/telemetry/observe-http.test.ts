import { once } from 'node:events'
import { Agent, createServer, get as httpGet, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { context } from '../context/context.js'
import { MetricRegistry } from './metric-registry.js'
import { HTTP_METRICS, observeHttp } from './observe-http.js'

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

async function serve<S extends NetServer>(server: S): Promise<{ readonly registry: MetricRegistry; readonly port: number }> {
  const registry = new MetricRegistry()
  observeHttp(server, { listener: 'lis', registry })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  return { registry, port: (server.address() as AddressInfo).port } // a TCP server that listens has one
}

/** Requests counted, as `method code`, once there are so many. */
async function counted(registry: MetricRegistry, count: number): Promise<readonly string[]> {
  for (let i = 0; ; i++) {
    const family = registry.collect().find(({ name }) => name === HTTP_METRICS.requests.name)
    const all = (family?.series ?? []).flatMap(({ labels, value }) => Array.from({ length: value ?? 0 }, () => labels.slice(1).join(' ')))
    if (all.length >= count || i > 200) return all
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function status(
  port: number,
  options: { readonly method?: string; readonly path?: string; readonly headers?: Readonly<Record<string, string>> },
): Promise<number> {
  const request = httpRequest({ host: '127.0.0.1', port, agent: false, ...options }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode ?? 0
}

describe('a server of HTTP at a listener', () => {
  it('has its requests counted by method and status, and their duration, whoever handles them', async () => {
    const server = createServer((request, response) => void response.writeHead(request.url === '/none' ? 404 : 200).end())
    const { registry, port } = await serve(server)
    await status(port, { path: '/a' })
    await status(port, { path: '/none' })
    await status(port, { method: 'POST' })
    expect([...(await counted(registry, 3))].sort()).toEqual(['GET 200', 'GET 404', 'POST 200'])
    const seconds = registry.collect().find(({ name }) => name === HTTP_METRICS.seconds.name)
    expect(seconds?.series[0]?.buckets?.reduce((a, b) => a + b)).toBe(3)
  })

  it('has the bytes of its requests and answers counted, one by one on a connection that is kept', async () => {
    const { registry, port } = await serve(
      createServer((request, response) => {
        request.resume().on('end', () => response.end('a'.repeat(3_000)))
      }),
    )
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    open.push({ close: () => agent.destroy() })
    for (const size of [100_000, 10]) {
      const request = httpRequest({ host: '127.0.0.1', port, agent, method: 'POST' }).end('b'.repeat(size))
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
    }
    await counted(registry, 2)
    const families = registry.collect()
    const sum = (name: string): number => families.find((family) => family.name === name)?.series[0]?.value ?? 0
    const bucket = (name: string): unknown => families.find((family) => family.name === name)?.series[0]?.buckets
    expect(sum(HTTP_METRICS.requestBytes.name)).toBeGreaterThan(100_010)
    expect(sum(HTTP_METRICS.requestBytes.name)).toBeLessThan(101_500)
    expect(bucket(HTTP_METRICS.requestBytes.name)).toEqual([0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    expect(sum(HTTP_METRICS.responseBytes.name)).toBeGreaterThan(6_000)
    expect(sum(HTTP_METRICS.responseBytes.name)).toBeLessThan(7_500)
  })

  it('streams as it would without: a piece arrives before the answer has ended', async () => {
    let finish = (): void => undefined
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      finish = () => void response.end('data: 2\n\n')
    })
    const { registry, port } = await serve(server)
    const [response] = (await once(httpGet({ port, host: '127.0.0.1', agent: false }), 'response')) as [IncomingMessage]
    const [first] = (await once(response, 'data')) as [Buffer]
    expect(first.toString()).toBe('data: 1\n\n')
    expect(await counted(registry, 0)).toEqual([])
    finish()
    response.resume()
    expect(await counted(registry, 1)).toEqual(['GET 200'])
  })

  it('upgrades as it would without', async () => {
    const server = createServer()
    server.on('upgrade', (_request, socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello'),
    )
    const { port } = await serve(server)
    const request = httpRequest({ port, host: '127.0.0.1', headers: { connection: 'upgrade', upgrade: 'x' } }).end()
    const [, socket, head] = (await once(request, 'upgrade')) as [IncomingMessage, { destroy(): void; once: never }, Buffer]
    const text = head.length > 0 ? head : ((await once(socket as never, 'data')) as [Buffer])[0]
    expect(text.toString()).toBe('hello')
    socket.destroy()
  })

  it('counts a request whose client has left as aborted', async () => {
    const server: Server = createServer((_request, response) => void response.write('one moment'))
    const { registry, port } = await serve(server)
    const request = httpGet({ port, host: '127.0.0.1', agent: false })
    request.on('error', () => undefined) // it is destroyed below
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.destroy()
    expect(await counted(registry, 1)).toEqual(['GET aborted'])
  })

  it('may speak HTTP/2, where a method can be any word', async () => {
    const { registry, port } = await serve(createHttp2Server((_request, response) => void response.end('hi')))
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    open.push(session)
    for (const method of ['GET', 'MADE-UP']) {
      const stream = session.request({ ':path': '/', ':method': method })
      stream.resume().end()
      await once(stream, 'end')
    }
    expect(await counted(registry, 2)).toEqual(['GET 200', 'other 200'])
  })

  it('shows the trace of a request to the code that handles it, and none that is invalid', async () => {
    const seen: (string | undefined)[] = []
    const { port } = await serve(
      createServer((_request, response) => {
        seen.push(context().traceparent)
        response.end()
      }),
    )
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
    for (const value of [traceparent, 'nonsense']) await status(port, { headers: { traceparent: value } })
    expect(seen).toEqual([traceparent, undefined])
  })
})
