/** What goes through a proxy of HTTP/1, byte by byte: real sockets, and Node's own server behind. */
import { startBackend, startRawBackend } from '../testing/backends.js'
import { count, RawClient, tell } from '../testing/raw-client.js'
import type { Backend, ListenerProxy, ProxyOptions } from '../proxy.js'
import { startProxy } from '../start-proxy.js'

function proxyTo(backends: readonly Backend[], options: Partial<ProxyOptions> = {}): Promise<ListenerProxy> {
  return startProxy({ host: '127.0.0.1', port: 0, routes: [{ targets: [{ id: 'v1', weight: 1, backends }] }], ...options })
}
const get = (path: string, ...fields: string[]): string => [`GET ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n')

it('passes heads on without what is for one connection, and with who asks', async () => {
  await using backend = await startBackend('b', (req, res) => res.end(JSON.stringify(req.rawHeaders)))
  await using proxy = await proxyTo([backend])
  const heard = await tell(
    proxy.port,
    get(
      '/',
      'X-One: 1',
      'Connection: close, X-Two',
      'X-Two: 2',
      'Keep-Alive: timeout=1',
      'TE: trailers',
      'Proxy-Connection: keep-alive',
      'X-Forwarded-For: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
      'X-Three:   3 \t',
    ),
  )
  expect(heard).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(heard).toContain('Connection: close\r\n')
  expect(JSON.parse(heard.split('\r\n\r\n')[1] ?? '')).toEqual(
    ['Host: a', 'X-One: 1', 'X-Three: 3', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: a', 'X-Forwarded-Proto: http'].flatMap((line) =>
      line.split(': '),
    ),
  )
  await using trusting = await proxyTo([backend], { trustForwarded: true })
  const trusted = await tell(trusting.port, get('/', 'X-Forwarded-For: 10.0.0.1', 'X-Forwarded-Proto: https', 'Connection: close'))
  expect(trusted).toContain('"X-Forwarded-For","10.0.0.1, 127.0.0.1","X-Forwarded-Host","a","X-Forwarded-Proto","https"')
})

it('answers requests that come all at once, one after the other, each to its own', async () => {
  const seen: string[] = []
  await using backend = await startBackend('b', (req, res) => {
    seen.push(`${req.method} ${req.url}`)
    let body = ''
    req.on('data', (chunk) => (body += chunk))
    // The first takes longer than the others.
    req.on('end', () => setTimeout(() => res.end(`<${req.url}:${body}>`), req.url === '/1' ? 100 : 0))
  })
  await using proxy = await proxyTo([backend])
  const heard = await tell(
    proxy.port,
    get('/1') +
      'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' +
      'POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;ignored=yes\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n' +
      'HEAD /4 HTTP/1.1\r\nHost: a\r\n\r\n' +
      get('/5', 'Connection: close') +
      get('/6'),
  )
  expect(seen).toEqual(['GET /1', 'POST /2', 'POST /3', 'HEAD /4', 'GET /5'])
  expect(heard.match(/<[^>]*>/g)).toEqual(['</1:>', '</2:hello>', '</3:abcde>', '</5:>'])
  expect(count(heard, 'HTTP/1.1 200 OK')).toBe(5)
})

it('passes on answers of every kind: chunks with trailers, 1xx, 204, 304, HEAD, until the end of the connection', async () => {
  await using backend = await startBackend('b', (req, res) => {
    if (req.url === '/chunks') {
      res.writeHead(200, { trailer: 'X-Sum' })
      res.write('one')
      res.write('two')
      res.addTrailers({ 'X-Sum': '6' })
      res.end()
    } else if (req.url === '/early') res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => res.end('late'))
    else if (req.url === '/304') res.writeHead(304, { etag: '"a"', 'content-length': 10 }).end()
    else if (req.url === '/204') res.writeHead(204).end()
    else res.setHeader('content-length', 4).end('head')
  })
  await using proxy = await proxyTo([backend])
  const heard = await tell(
    proxy.port,
    get('/chunks') +
      get('/early') +
      get('/304') +
      get('/204') +
      'HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n' +
      get('/last', 'Connection: close'),
  )
  expect(heard.replaceAll(/Date: .*\r\n/g, '')).toBe(
    'HTTP/1.1 200 OK\r\ntrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n' +
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate' +
      'HTTP/1.1 304 Not Modified\r\netag: "a"\r\nContent-Length: 10\r\n\r\n' +
      'HTTP/1.1 204 No Content\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhead',
  )

  await using old = await startRawBackend('old', (socket) => {
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\nuntil the end'))
  })
  proxy.setRoutes([{ targets: [{ id: 'v1', weight: 1, backends: [old] }] }])
  expect(await tell(proxy.port, get('/'))).toBe('HTTP/1.1 200 OK\r\nX-Old: yes\r\nConnection: close\r\n\r\nuntil the end')
})

it('speaks with clients of HTTP/1.0: no chunks, closed unless they ask otherwise', async () => {
  await using backend = await startBackend('b', (req, res) => {
    if (req.url === '/chunks') res.write('one')
    res.end(`${req.httpVersion} ${req.headers.host}`)
  })
  await using proxy = await proxyTo([backend])
  const host = `127.0.0.1:${proxy.port}`
  const chunks = await tell(proxy.port, 'GET /chunks HTTP/1.0\r\n\r\n')
  expect(chunks.replace(/Date: .*\r\n/, '')).toBe(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none1.1 ${host}`)
  const kept = await tell(proxy.port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET http://a/ HTTP/1.0\r\n\r\n')
  expect(count(kept, 'Connection: keep-alive')).toBe(1)
  expect(kept).toMatch(/1\.1 a$/)
})

it('asks the backend whether a body is welcome, when the client does', async () => {
  await using backend = await startBackend('b', (req, res) => {
    let body = ''
    req.on('data', (chunk) => (body += chunk))
    req.on('end', () => res.end(body))
  })
  backend.server.on('checkContinue', (req, res) => {
    if (req.url !== '/no') {
      res.writeContinue()
      return void backend.server.emit('request', req, res)
    }
    res.writeHead(413).end()
  })
  await using proxy = await proxyTo([backend])
  using client = new RawClient(proxy.port)
  client.say('POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  expect(await client.until((heard) => heard.endsWith('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  client.say('body')
  await client.until((heard) => heard.endsWith('body'))
  client.say('POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  expect(await client.rest()).toMatch(/HTTP\/1\.1 413 Payload Too Large\r\n[^]*Connection: close/)
})

it.each([
  ['two lengths, even equal', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 400],
  ['a length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n', 400],
  ['two codings', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501],
  ['a head that is too large', get('/', `X-Large: ${'a'.repeat(16_384)}`), 431],
  ['too many fields', get('/', ...Array.from({ length: 101 }, (_, i) => `X-${i}: 1`)), 431],
  ['a chunk size that is none', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['an expectation of another kind', get('/', 'Expect: tea'), 417],
])('refuses %s, closes, and lets nothing of what follows through', async (_, request, status) => {
  const seen: string[] = []
  await using backend = await startBackend('b', (req, res) => {
    seen.push(req.url ?? '')
    res.end()
  })
  await using proxy = await proxyTo([backend])
  const heard = await tell(proxy.port, request + get('/smuggled'))
  expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close\r\n\r\n${status} [A-Z][^]*: [^]*\n$`))
  expect(seen).not.toContain('/smuggled')
  expect(proxy.stats()).toMatchObject({ refused: 1 })
})

it('never takes what a backend says unasked, or beyond its answer, for the answer to another request', async () => {
  let connections = 0
  await using backend = await startRawBackend('b', (socket) => {
    const number = ++connections
    socket.on('data', (chunk) => {
      const path = chunk.toString().split(' ')[1]
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${number}${path?.slice(1)}`
      if (path === '/a') socket.write(`${answer}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`)
      else if (path === '/b') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
      else socket.write(answer)
    })
  })
  await using proxy = await proxyTo([backend])
  const heard = await tell(proxy.port, get('/a') + get('/b') + get('/c', 'Connection: close'))
  expect(heard).not.toContain('poison')
  expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 502', 'HTTP/1.1 200'])
  expect(heard).toMatch(/1a[^]*502 Bad Gateway: an answer that is not proper HTTP: both Content-Length and Transfer-Encoding\n[^]*\dc$/)
})

it('gives slow heads, bodies and backends their time, and no more', async () => {
  await using backend = await startBackend('b', (req, res) => {
    if (req.url === '/begins') res.write('begun')
  })
  await using proxy = await proxyTo([backend], { limits: { headMs: 1_000, idleMs: 1_000, answerMs: 1_000, stallMs: 1_000 } })
  const half = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf`
  using stalled = new RawClient(proxy.port)
  stalled.say(half('/'))
  using begun = new RawClient(proxy.port)
  begun.say(half('/begins'))
  using slow = new RawClient(proxy.port)
  slow.say('GET / HTTP/1.1\r\nHo')
  const drip = setInterval(() => slow.say('o'), 50)
  using idle = new RawClient(proxy.port)
  using silent = new RawClient(proxy.port)
  silent.say(get('/'))
  try {
    expect(await silent.until((heard) => heard.endsWith('\n'))).toMatch(
      /^HTTP\/1\.1 504 [^]*504 Gateway Timeout: no answer within 1000 ms\n$/,
    )
    expect(await slow.until((heard) => heard.endsWith('\n'))).toMatch(/^HTTP\/1\.1 408 [^]*was not complete within 1000 ms\n$/)
    expect(await idle.rest()).toBe('')
    expect(await stalled.rest()).toMatch(/^HTTP\/1\.1 408 [^]*the body of the request stood still for 1000 ms\n$/)
    expect(await begun.rest()).toMatch(/^HTTP\/1\.1 200 [^]*begun/)
    expect(begun.isReset).toBe(true)
  } finally {
    clearInterval(drip)
  }
})

it('goes by host, and says which it does not have', async () => {
  await using one = await startBackend('one', (_, res) => res.end('one'))
  await using two = await startBackend('two', (_, res) => res.end('two'))
  const route = (host: string, backend: Backend) => ({ host, targets: [{ id: 'v1', weight: 1, backends: [backend] }] })
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0 })
  const ask = async (host: string): Promise<string> =>
    (await tell(proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).split('\r\n\r\n')[1] ?? ''
  expect(await ask('one.example')).toContain('no routes yet')
  proxy.setRoutes([route('one.example', one), route('*.two.example', two)])
  expect(await ask('One.Example:8000')).toBe('one')
  expect(await ask('a.two.example')).toBe('two')
  expect(await ask('two.example')).toBe('421 Misdirected Request: no application here has that host\n')
})
