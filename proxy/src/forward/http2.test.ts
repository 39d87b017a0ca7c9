/** Clients of HTTP/2, by Node's own, before a backend of HTTP/1. */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { startProxy } from '../start-proxy.js'
import { startBackend, startRawBackend } from '../testing/backends.js'

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly code: number
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, ...pieces: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: pieces.length === 0 })
    let answer: IncomingHttpHeaders = {}
    let body = ''
    stream.on('response', (found) => (answer = found))
    stream.on('data', (chunk) => (body += chunk))
    stream.on('error', () => {})
    stream.on('close', () => resolve({ headers: answer, body, code: stream.rstCode ?? 0 }))
    for (const piece of pieces) stream.write(piece)
    if (pieces.length > 0) stream.end()
  })
}

it('serves streams side by side, by weight, with their bodies, lengths and trailers', async () => {
  await using backend = await startBackend('b', (req, res) => {
    let body = ''
    req.on('data', (chunk) => (body += chunk))
    req.on('end', () => {
      res.setHeader(
        'x-heard',
        JSON.stringify([req.method, req.url, req.headers.host, req.headers['content-length'] ?? 'chunked', req.headers['cookie'] ?? '']),
      )
      if (req.url === '/chunks') res.write('one ')
      res.end(body.length > 100 ? String(body.length) : body)
    })
  })
  await using proxy = await startProxy({
    host: '127.0.0.1',
    port: 0,
    routes: [{ targets: [{ id: 'v1', weight: 1, backends: [backend] }] }],
  })
  const session = connect(`http://${proxy.address}`)
  try {
    const [plain, chunked, sized, large, head] = await Promise.all([
      ask(session, { ':path': '/a?b=c', ':authority': 'shop.example', cookie: 'a=1; b=2' }),
      ask(session, { ':path': '/chunks', ':method': 'POST' }, 'two ', 'three'),
      ask(session, { ':path': '/sized', ':method': 'PUT', 'content-length': 6 }, 'abc', 'def'),
      ask(session, { ':path': '/large', ':method': 'POST' }, ...Array.from({ length: 20 }, () => 'x'.repeat(100_000))),
      ask(session, { ':path': '/head', ':method': 'HEAD' }),
    ])
    const heard = ({ headers }: Answer): unknown => JSON.parse(String(headers['x-heard']))
    expect(heard(plain)).toEqual(['GET', '/a?b=c', 'shop.example', 'chunked', 'a=1; b=2'])
    expect(plain.headers).toMatchObject({ ':status': 200, 'content-length': '0' })
    expect(plain.headers).not.toHaveProperty('connection')
    expect(heard(chunked)).toEqual(['POST', '/chunks', proxy.address, 'chunked', ''])
    expect(chunked.body).toBe('one two three')
    expect(heard(sized)).toEqual(['PUT', '/sized', proxy.address, '6', ''])
    expect(sized.body).toBe('abcdef')
    expect(large.body).toBe('2000000')
    expect(head).toMatchObject({ body: '', code: constants.NGHTTP2_NO_ERROR })
    expect(proxy.stats().routes[0]?.targets[0]).toMatchObject({ requests: 5, inFlight: 0, errors: 0 })
  } finally {
    session.close()
  }
})

it('lets nothing through that HTTP/1 could not have said, and resets what breaks off', async () => {
  const said: string[] = []
  await using backend = await startRawBackend('b', (socket) => {
    socket.on('data', (chunk) => {
      said.push(chunk.toString())
      if (said.length === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => socket.destroy())
    })
  })
  await using proxy = await startProxy({
    host: '127.0.0.1',
    port: 0,
    routes: [{ targets: [{ id: 'v1', weight: 1, backends: [backend] }] }],
  })
  const session = connect(`http://${proxy.address}`)
  session.on('error', () => {})
  try {
    expect(await ask(session, { ':path': '/half' })).toMatchObject({ body: 'half', code: constants.NGHTTP2_INTERNAL_ERROR })
    // A body that ends before its length would leave the backend waiting for bytes of the next request.
    const short = await ask(session, { ':path': '/short', ':method': 'POST', 'content-length': 10 }, 'abc')
    expect(short.code).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect((await ask(session, { ':path': '/a', ':method': 'TRACE' })).headers[':status']).toBe(501)
    expect((await ask(session, { ':path': '/fragment#a' })).headers[':status']).toBe(400)
    expect(said.filter((text) => text.includes('/fragment') || text.includes('TRACE'))).toEqual([])
  } finally {
    session.close()
  }
})

it('resets a stream whose answer HTTP/2 cannot carry, and serves on', async () => {
  await using backend = await startRawBackend('b', (socket) => {
    socket.on('data', (chunk) => {
      const field = chunk.toString().includes('/twice') ? 'ETag: "a"\r\nETag: "b"' : 'HTTP2-Settings: x'
      socket.write(`HTTP/1.1 200 OK\r\n${chunk.toString().includes('/fine') ? 'ETag: "a"' : field}\r\nContent-Length: 2\r\n\r\nok`)
    })
  })
  await using proxy = await startProxy({
    host: '127.0.0.1',
    port: 0,
    limits: { queueMs: 200 },
    routes: [{ targets: [{ id: 'v1', weight: 1, backends: [backend] }] }],
  })
  const session = connect(`http://${proxy.address}`)
  session.on('error', () => {})
  try {
    expect((await ask(session, { ':path': '/twice' })).code).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect((await ask(session, { ':path': '/settings' })).code).not.toBe(constants.NGHTTP2_NO_ERROR)
    expect(await ask(session, { ':path': '/fine' })).toMatchObject({ body: 'ok', code: constants.NGHTTP2_NO_ERROR })
    // And one that has no backend while its body is under way does not keep the stream.
    proxy.setRoutes([{ targets: [{ id: 'v1', weight: 1, backends: [] }] }])
    const lost = await ask(session, { ':path': '/', ':method': 'POST' }, ...Array.from({ length: 10 }, () => 'x'.repeat(100_000)))
    expect(lost.headers[':status']).toBe(503)
  } finally {
    session.close()
  }
})
