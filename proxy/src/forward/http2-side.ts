/**
 * Clients that speak HTTP/2 from the first byte (prior knowledge). The framing is Node's; each stream is written as a request of HTTP/1.1, read again by the one strict parser, and goes on
 * like every other. So nothing that a stream can say reaches a backend in a form that a client of HTTP/1 could not have said.
 */
import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { kept, requestText } from '../http1/forwarded-head.js'
import { Refusal } from '../http1/refusal.js'
import { parseRequestHead } from '../http1/request-head.js'
import type { ResponseHead } from '../http1/response-head.js'
import { SMALL_PIECE, type Asker } from './asker.js'

import type { Engine } from './engine.js'
import { Exchange } from './exchange.js'
import { ownAnswer } from './own-answer.js'
import type { TunnelEnd } from './tunnel.js'

export interface Http2Side {
  /** A connection whose first bytes, still to be read, are those of HTTP/2. */
  take(socket: Socket): void
  sweep(now: number): void
  /** Streams in flight end, no new one begins. */
  close(): void
  destroy(): void
}

const MOST_STREAMS = 256

export function createHttp2Side(engine: Engine): Http2Side {
  const sessions = new Map<ServerHttp2Session, Set<StreamAsker>>()
  const server = createServer({
    settings: { maxConcurrentStreams: MOST_STREAMS, enablePush: false },
    maxHeaderListPairs: 128,
    maxSessionMemory: 32,
  })
  server.on('session', (session) => {
    const streams = new Set<StreamAsker>()
    sessions.set(session, streams)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
    session.setTimeout(engine.limits.idleMs, () => {
      if (streams.size === 0) session.close()
    })
    session.on('stream', (stream, headers) => {
      const asker = new StreamAsker(engine, stream, session.socket)
      streams.add(asker)
      stream.on('close', () => streams.delete(asker))
      asker.begin(headers)
    })
  })
  return {
    take: (socket) => void server.emit('connection', socket),
    sweep: (now) => {
      for (const streams of sessions.values()) for (const stream of streams) stream.sweep(now)
    },
    close: () => {
      for (const session of sessions.keys()) session.close()
    },
    destroy: () => {
      for (const session of sessions.keys()) session.destroy()
    },
  }
}

class StreamAsker implements Asker {
  readonly isDecoding = true
  readonly #engine: Engine
  readonly #stream: ServerHttp2Stream
  readonly #socket: Pick<Socket, 'remoteAddress' | 'localAddress' | 'localPort'>
  #exchange: Exchange | undefined
  /** How the body goes on: by its length, or in chunks of ours; undefined: there is none, or it has gone. */
  #body: 'length' | 'chunked' | undefined
  #left = 0
  #pieces: Buffer[] = []
  #hasEnded = false
  #isHead = false
  #isBlocked = false
  #stallUntil = Infinity

  constructor(engine: Engine, stream: ServerHttp2Stream, socket: Pick<Socket, 'remoteAddress' | 'localAddress' | 'localPort'>) {
    this.#engine = engine
    this.#stream = stream
    this.#socket = socket
    stream.on('error', () => {
      // 'close' follows
    })
    stream.on('close', () => {
      const exchange = this.#exchange
      this.#exchange = undefined
      exchange?.abandon()
    })
    stream.on('drain', () => {
      this.#isBlocked = false
      this.#stallUntil = Infinity
      this.#exchange?.resumeAnswer()
    })
  }

  begin(headers: IncomingHttpHeaders): void {
    const { table, isTrusted } = this.#engine
    this.#isHead = headers[':method'] === 'HEAD'
    try {
      const bytes = Buffer.from(asHttp1(headers, this.#stream.endAfterHeaders), 'latin1')
      const head = parseRequestHead(bytes, 0, bytes.length)
      if (head === undefined || head.end !== bytes.length) throw new Refusal('a header field that ends the head')
      const route = table.find(head.fields.host)
      if (route === undefined) {
        this.#engine.refused++
        return table.isEmpty ? this.fail(503, 'this proxy has no routes yet') : this.fail(421, 'no application here has that host')
      }
      const { remoteAddress: address = 'unknown', localAddress, localPort } = this.#socket
      if (head.hasBody) this.#body = head.fields.isChunked ? 'chunked' : 'length'
      this.#left = Math.max(0, head.fields.contentLength)
      const text = requestText(bytes, head, { address, authority: `${localAddress ?? ''}:${localPort ?? ''}` }, isTrusted)
      this.#exchange = new Exchange(this.#engine, this, route, { method: head.method, text, hasBody: head.hasBody, upgrade: undefined })
      this.#readBody(head.hasBody)
      this.#exchange.start()
      this.resumeBody()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#engine.refused++
      this.fail(error.status, error.message)
    }
  }

  sweep(now: number): void {
    if (now >= this.#stallUntil) this.#reset('the client does not read')
    else if (!this.#isBlocked) this.#exchange?.sweep(now)
  }

  #readBody(hasBody: boolean): void {
    const stream = this.#stream
    if (!hasBody) return void stream.resume()
    stream.on('data', (piece: Buffer) => {
      if (this.#exchange === undefined) return // it has its answer
      this.#pieces.push(piece)
      this.resumeBody()
      if (this.#pieces.length > 0) stream.pause()
    })
    stream.on('end', () => {
      this.#hasEnded = true
      this.resumeBody()
    })
  }

  resumeBody(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    while (this.#body !== undefined && exchange.takesBody && this.#pieces.length > 0) {
      const piece = this.#pieces.shift()
      if (piece !== undefined && piece.length > 0) this.#passOn(exchange, piece)
    }
    if (this.#hasEnded && this.#body !== undefined && this.#pieces.length === 0 && exchange.takesBody) this.#endBody(exchange)
    exchange.flush()
    if (this.#pieces.length === 0 && this.#stream.isPaused()) this.#stream.resume()
  }

  #passOn(exchange: Exchange, piece: Buffer): void {
    if (this.#body === 'chunked') {
      const size = Buffer.from(`${piece.length.toString(16)}\r\n`, 'latin1')
      exchange.pass(size, 0, size.length)
      exchange.pass(piece, 0, piece.length)
      exchange.pass(END_OF_CHUNK, 0, END_OF_CHUNK.length)
      return
    }
    // nghttp2 counts, too; a body that differs from its length must never reach a connection that is used again.
    if (piece.length > this.#left) return this.#reset('a body that is longer than its length')
    this.#left -= piece.length
    exchange.pass(piece, 0, piece.length)
  }

  #endBody(exchange: Exchange): void {
    if (this.#body === 'length' && this.#left > 0) return this.#reset('a body that is shorter than its length')
    if (this.#body === 'chunked') exchange.pass(LAST_CHUNK, 0, LAST_CHUNK.length)
    this.#body = undefined
    exchange.requestDone()
  }

  interim(bytes: Buffer, _from: number, head: ResponseHead): void {
    if (!this.#isGone) this.#say((stream) => stream.additionalHeaders({ ':status': head.status, ...fieldsOf(bytes, head) }))
  }

  head(bytes: Buffer, _from: number, head: ResponseHead): void {
    if (this.#isGone) return
    const length = head.fields.contentLength >= 0 && head.status !== 204 ? { 'content-length': String(head.fields.contentLength) } : {}
    const fields = fieldsOf(bytes, head)
    for (const [name, value] of this.#exchange?.answerFields() ?? [])
      fields[name] = name === 'set-cookie' ? [...(fields[name] ?? []), value] : [value]
    this.#say((stream) => stream.respond({ ':status': head.status, ...fields, ...length }, { endStream: head.body === 'none' }))
  }

  /** A client that has reset its stream is not destroyed yet. */
  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  /** Node throws for fields that HTTP/2 cannot carry, such as one that may be there once and comes twice. */
  #say(body: (stream: ServerHttp2Stream) => void): void {
    try {
      body(this.#stream)
    } catch {
      this.#reset('the answer cannot be said in HTTP/2')
    }
  }

  pass(bytes: Buffer, from: number, to: number): void {
    if (
      to === from ||
      this.#stream.destroyed ||
      this.#stream.write(to - from > SMALL_PIECE ? bytes.subarray(from, to) : Buffer.from(bytes.subarray(from, to))) ||
      this.#isBlocked
    )
      return
    this.#isBlocked = true
    this.#stallUntil = this.#engine.now + this.#engine.limits.stallMs
    this.#exchange?.pauseAnswer()
  }

  flush(): void {
    // Every piece is written as it comes.
  }

  done(): void {
    this.#exchange = undefined
    this.#end()
  }

  #end(text = ''): void {
    this.#stream.end(text)
    if (this.#body === undefined) return
    // The client need not send what nobody reads (RFC 9113, 8.1), and a stream with something unread does not close.
    this.#stream.close(constants.NGHTTP2_NO_ERROR)
    this.#pieces = []
    this.#stream.resume()
  }

  fail(status: number, reason: string): void {
    this.#exchange = undefined
    if (this.#isGone) return
    const text = ownAnswer(status, reason, { isClosing: false }).split('\r\n\r\n')[1] ?? ''
    this.#say((stream) => stream.respond({ ':status': status, 'content-type': 'text/plain; charset=utf-8' }))
    this.#end(this.#isHead ? '' : text)
  }

  cut(): void {
    this.#exchange = undefined
    this.#reset('the answer broke off')
  }

  /** `close` would end the stream first, which looks like the end of the body. */
  #reset(reason: string): void {
    this.#stream.destroy(new Error(reason))
  }

  tunnel(backend: TunnelEnd, _rest: Buffer, onClosed: () => void): void {
    // No request of a stream asks for one.
    backend.socket.destroy()
    onClosed()
    this.cut()
  }
}

const END_OF_CHUNK = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** A request as HTTP/1.1 would have it (RFC 9113, 8.3.1). Whatever is not fit for that is refused by the parser. */
function asHttp1(headers: IncomingHttpHeaders, isWithoutBody: boolean): string {
  for (const value of Object.values(headers).flat())
    if (value !== undefined && /[\r\n\0]/.test(value)) throw new Refusal('a control character in a header field')
  const { ':method': method = '', ':path': path = '', ':authority': authority, host, ...rest } = headers
  const name = authority ?? host
  const lines = [`${method} ${path} HTTP/1.1`, ...(name === undefined ? [] : [`Host: ${name}`])]
  for (const [field, value] of Object.entries(rest)) {
    if (field.startsWith(':') || value === undefined) continue
    if (CONNECTION_FIELDS.has(field)) throw new Refusal(`the field ${field}, which HTTP/2 does not have`)
    if (field === 'cookie') lines.push(`cookie: ${[value].flat().join('; ')}`)
    else for (const each of [value].flat()) lines.push(`${field}: ${each}`)
  }
  if (!isWithoutBody && headers['content-length'] === undefined) lines.push('transfer-encoding: chunked')
  return `${lines.join('\r\n')}\r\n\r\n`
}

const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

function fieldsOf(bytes: Buffer, { fields }: ResponseHead): Record<string, string[]> {
  const found: Record<string, string[]> = Object.create(null) as Record<string, string[]> // no names of Object.prototype
  for (const line of kept(bytes, fields.from, fields).split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) (found[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim())
  }
  return found
}
