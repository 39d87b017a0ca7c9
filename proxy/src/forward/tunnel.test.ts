/** WebSockets, TCP listeners and large bodies: what flows for long. */
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { startProxy } from '../start-proxy.js'
import { startBackend, startRawBackend } from '../testing/backends.js'
import { RawClient, tell } from '../testing/raw-client.js'
import { settled, until } from '../testing/wait.js'
import type { Backend } from '../proxy.js'

const oneTarget = (backends: readonly Backend[]) => [{ targets: [{ id: 'v1', weight: 1, backends }] }]
const UPGRADE = 'GET /socket HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n'

it('lets a WebSocket through, both ways, and a drain waits for it or cuts it', async () => {
  await using backend = await startBackend('b', (_, res) => res.end('plain'))
  backend.server.on('upgrade', (req, socket: Socket, head) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Said: ${req.headers['sec-websocket-key']}\r\n\r\nhello `,
    )
    socket.write(head)
    socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))
    socket.on('end', () => socket.end('bye'))
    socket.on('error', () => socket.destroy())
  })
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  using client = new RawClient(proxy.port)
  client.say(UPGRADE)
  await client.until((heard) => heard.endsWith('hello '))
  expect(client.heard).toBe('HTTP/1.1 101 Switching Protocols\r\nX-Said: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ')
  client.say('one ')
  await client.until((heard) => heard.endsWith('ONE '))
  expect(proxy.stats().routes[0]?.targets[0]).toMatchObject({ requests: 1, inFlight: 1 })

  const drained = proxy.drain('b')
  client.say('two ')
  await client.until((heard) => heard.endsWith('TWO '))
  client.socket.end()
  expect(await client.rest()).toMatch(/bye$/)
  expect(await drained).toEqual({ cut: 0 })

  await using again = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  using stays = new RawClient(again.port)
  stays.say(UPGRADE)
  await stays.until((heard) => heard.endsWith('hello '))
  expect(await again.drain('b', { graceMs: 1 })).toEqual({ cut: 1 })
  await stays.rest()
})

it('goes on with HTTP where a backend does not switch, and lets none switch unasked', async () => {
  await using backend = await startBackend('b', (req, res) => res.end(req.url))
  backend.server.on('upgrade', (_, socket: Socket) => socket.resume().end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno'))
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  const heard = await tell(proxy.port, `${UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  expect(heard).toMatch(/^HTTP\/1\.1 426 [^]*noHTTP\/1\.1 200 [^]*\/next$/)

  await using switches = await startRawBackend('s', (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'))
  })
  proxy.setRoutes(oneTarget([switches]))
  expect(await tell(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 502 /)
})

it('passes connections of a TCP listener on whole, by weight, around backends that are gone', async () => {
  const echo = (id: string) =>
    startRawBackend(id, (socket) => void socket.on('data', (chunk) => socket.write(`${id}:${chunk}`)).on('end', () => socket.end('.')))
  await using one = await echo('one')
  await using two = await echo('two')
  const gone: Backend = { id: 'gone', host: '127.0.0.1', port: 1 }
  await using proxy = await startProxy({
    host: '127.0.0.1',
    port: 0,
    protocol: 'tcp',
    routes: [
      {
        targets: [
          { id: 'v1', weight: 3, backends: [one, gone] },
          { id: 'v2', weight: 1, backends: [two] },
        ],
      },
    ],
  })
  const heard: string[] = []
  for (let i = 0; i < 8; i++) {
    using client = new RawClient(proxy.port)
    client.say('hi')
    await client.until((text) => text.endsWith('hi'))
    client.socket.end()
    heard.push(await client.rest())
  }
  expect(heard.filter((text) => text === 'one:hi.')).toHaveLength(6)
  expect(heard.filter((text) => text === 'two:hi.')).toHaveLength(2)
  const [v1] = proxy.stats().routes[0]?.targets ?? []
  expect(v1).toMatchObject({ chosen: 6, errors: 0, backends: [{ id: 'one' }, { id: 'gone', state: 'down' }] })
})

it('reads nobody faster than the other side takes it: a large body and a slow reader stay within bounds', async () => {
  const SIZE = 48 * 1024 * 1024
  const PIECE = Buffer.alloc(256 * 1024, 97)
  let sent = 0
  await using backend = await startBackend('b', async (req, res) => {
    res.setHeader('content-length', SIZE)
    for (sent = 0; sent < SIZE; sent += PIECE.length) if (!res.write(PIECE)) await once(res, 'drain')
    res.end()
    void req
  })
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  using client = new RawClient(proxy.port)
  client.socket.pause()
  client.say('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  // Until nothing moves any more: what is under way is in the buffers of three sockets.
  expect(await settled(() => sent)).toBeLessThan(SIZE / 2)
  let heard = 0
  client.socket
    .removeAllListeners('data')
    .on('data', (chunk) => (heard += chunk.length))
    .resume()
  await until(() => heard >= SIZE)

  // The other way: a backend that reads nothing of an upload until it is told to.
  let read = (): void => {}
  await using slow = await startBackend('s', (req, res) => {
    let got = 0
    read = () => {
      req.on('data', (chunk) => (got += chunk.length))
      req.on('end', () => res.end(String(got)))
    }
  })
  proxy.setRoutes(oneTarget([slow]))
  using uploader = new RawClient(proxy.port)
  uploader.say(`PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
  let given = 0
  const chunk = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')])
  const upload = (async () => {
    for (; given < SIZE; given += PIECE.length) if (!uploader.socket.write(chunk)) await once(uploader.socket, 'drain')
    uploader.say('0\r\n\r\n')
  })()
  expect(await settled(() => given)).toBeLessThan(SIZE / 2)
  read()
  await upload
  expect(await uploader.until((text) => text.endsWith(String(SIZE)))).toMatch(/^HTTP\/1\.1 200 OK/)
})

it('ends the backend’s part when the client goes', async () => {
  let hasGone = false
  await using backend = await startBackend('b', (req, res) => {
    res.write('begun')
    req.on('close', () => (hasGone = true))
  })
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  using client = new RawClient(proxy.port)
  client.say('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.until((heard) => heard.includes('begun'))
  client.socket.destroy()
  await until(() => hasGone && proxy.stats().routes[0]?.targets[0]?.inFlight === 0)
  expect(proxy.stats().routes[0]?.targets[0]).toMatchObject({ errors: 0 })
})

it('a slow reader has all of an answer that its connection ends with', async () => {
  const SIZE = 8 * 1024 * 1024
  await using backend = await startBackend('b', (_, res) => void res.end(Buffer.alloc(SIZE, 97)))
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0, routes: oneTarget([backend]) })
  using client = new RawClient(proxy.port)
  client.socket.pause()
  client.say('GET / HTTP/1.0\r\n\r\n')
  await sleep(4_000) // longer than a connection lingers after its end
  let heard = 0
  client.socket.removeAllListeners('data').on('data', (chunk) => (heard += chunk.length))
  client.socket.resume()
  await once(client.socket, 'end')
  expect(heard).toBeGreaterThanOrEqual(SIZE)
})
