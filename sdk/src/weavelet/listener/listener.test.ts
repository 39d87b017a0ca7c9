/** The end of a listener that has requests at work. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { jest } from '@jest/globals'
import { createListener, type BoundListener } from './listener.js'

const servers = new Set<Server>()
const sockets = new Set<Socket>()

/** Whatever becomes of the test, its server and connections end with it. */
function listenerOfTest(): BoundListener {
  return createListener('web', '127.0.0.1:0', {
    onServe(server) {
      servers.add(server as Server) // each test serves HTTP
      server.on('connection', (socket: Socket) => sockets.add(socket))
    },
  })
}
afterEach(() => {
  jest.useRealTimers()
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
  sockets.clear()
  servers.clear()
})

it('tells clients whose requests were at work when the drain began to come back on another connection, and loses none', async () => {
  const CLIENTS = 40
  const agent = new Agent({ keepAlive: true })
  const waiting: ServerResponse[] = []
  const listener = listenerOfTest()
  const server = createServer((_request, response) => void waiting.push(response))
  const { port } = await listener.serve(server)
  const ask = async (): Promise<IncomingMessage> => {
    const [response] = (await once(get({ port, agent }), 'response')) as [IncomingMessage]
    response.resume()
    return response
  }
  try {
    const asked = Array.from({ length: CLIENTS }, ask)
    while (waiting.length < CLIENTS) await new Promise((resolve) => setTimeout(resolve, 5))
    waiting[0]?.write('the head is written') // nothing can be said to this one any more
    listener.beginDrain()
    const closed = listener.close()
    for (const response of waiting) response.end()
    const said = (await Promise.all(asked)).map(({ headers }) => headers.connection)
    // sorted: connections need not be taken in the order in which they are made
    expect(said.toSorted()).toEqual([...Array.from({ length: CLIENTS - 1 }, () => 'close'), 'keep-alive'])
    expect(await closed).toBe(true)
  } finally {
    agent.destroy()
  }
})

describe('a goodbye', () => {
  /**
   * Serves WebSockets as RFC 6455 has it, as far as frames without a payload go: an echo of the
   * close frame, and the end.
   */
  function serveWebSockets(server: Server, greet: (request: IncomingMessage) => Promise<void> = async () => undefined): void {
    server.on('upgrade', async (request: IncomingMessage, socket: Duplex) => {
      await greet(request)
      const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.on('error', () => undefined)
      socket.on('data', (frame: Buffer) => {
        if ((frame[0] as number) === 0x88) socket.end()
      })
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${key}\r\n\r\n`)
    })
  }

  async function closeOf(client: WebSocket): Promise<{ readonly code: number; readonly wasClean: boolean }> {
    const [{ code, wasClean }] = (await once(client, 'close')) as [CloseEvent]
    return { code, wasClean }
  }

  it('closes WebSockets with 1001 and ends event streams, once; other answers go on, and their clients are to connect anew', async () => {
    const listener = listenerOfTest()
    const waiting: ServerResponse[] = []
    const server = createServer(({ url }, response) => {
      if (url === '/set') response.setHeader('content-type', 'text/event-stream; charset=utf-8').write('data: 1\n\n')
      else if (url === '/head') response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      else waiting.push(response)
    })
    serveWebSockets(server)
    const { port } = await listener.serve(server)
    const at = `http://127.0.0.1:${port}`
    const streams = [await fetch(`${at}/set`), await fetch(`${at}/head`)]
    const other = fetch(`${at}/other`)
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    await once(client, 'open')
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const closed = closeOf(client)
    expect(listener.goodbye()).toBe(3)
    expect(listener.goodbye()).toBe(0)
    expect(await closed).toEqual({ code: 1001, wasClean: true })
    for (const stream of streams) expect(await stream.text()).toBe('data: 1\n\n')
    waiting[0]?.end('done')
    const answer = await other
    expect([await answer.text(), answer.headers.get('connection')]).toEqual(['done', 'close'])
    expect(await listener.close()).toBe(true)
  })

  it('leaves a WebSocket alone whose handshake is not answered', async () => {
    const listener = listenerOfTest()
    let answer = (): void => undefined
    const server = createServer()
    const asked = new Promise<void>((resolve) => serveWebSockets(server, () => (resolve(), new Promise((go) => (answer = go)))))
    const { port } = await listener.serve(server)
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    await asked
    expect(listener.goodbye()).toBe(0)
    answer()
    await once(client, 'open')
    const closed = closeOf(client)
    expect(listener.goodbye()).toBe(1)
    expect(await closed).toEqual({ code: 1001, wasClean: true })
    expect(await listener.close()).toBe(true)
  })

  it('lets a frame come to its end that is written in pieces', async () => {
    const listener = listenerOfTest()
    const server = createServer()
    serveWebSockets(server)
    const upgraded = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex]>
    const { port } = await listener.serve(server)
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    await once(client, 'open')
    const [, socket] = await upgraded
    const said: unknown[] = []
    client.addEventListener('message', ({ data }) => said.push(data))
    const closed = closeOf(client)
    socket.write(Uint8Array.of(0x81, 5, ...Buffer.from('he')))
    expect(listener.goodbye()).toBe(1)
    expect(listener.goodbye()).toBe(0)
    socket.write('ll')
    socket.write(Buffer.from('o'))
    expect(await closed).toEqual({ code: 1001, wasClean: true })
    expect(said).toEqual(['hello'])
    expect(await listener.close()).toBe(true)
  })

  it('does not make a server answer upgrades that takes none', async () => {
    const listener = listenerOfTest()
    const { port } = await listener.serve(createServer((_, response) => void response.end('as any other request')))
    const request = get({ port, headers: { connection: 'upgrade', upgrade: 'websocket' } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect(String(Buffer.concat(await response.toArray()))).toBe('as any other request')
    expect(await listener.close()).toBe(true)
  })

  it('survives an application that writes on into a stream that was ended', async () => {
    const listener = listenerOfTest()
    let stream: ServerResponse | undefined
    const server = createServer((_, response) => {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    })
    const { port } = await listener.serve(server)
    const response = await fetch(`http://127.0.0.1:${port}`)
    listener.goodbye()
    const written = new Promise<unknown>((resolve) => stream?.write('data: 2\n\n', resolve))
    expect(await written).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
    expect(await response.text()).toBe('data: 1\n\n')
    expect(await listener.close()).toBe(true)
  })

  it('comes before the cut when the listener is closed', async () => {
    const listener = listenerOfTest()
    const server = createServer()
    serveWebSockets(server)
    const { port } = await listener.serve(server)
    const client = new WebSocket(`ws://127.0.0.1:${port}`)
    await once(client, 'open')
    const closed = closeOf(client)
    // Only the times of the listener: the client has some of its own, and sockets none.
    jest.useFakeTimers({ doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'] })
    const done = listener.close({ withinMs: 20_000 })
    await new Promise((resolve) => setImmediate(resolve))
    jest.advanceTimersByTime(10_000)
    expect(await closed).toEqual({ code: 1001, wasClean: true })
    expect(await done).toBe(true)
  })
})
