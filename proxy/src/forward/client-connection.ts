/**
 * A client's connection that speaks HTTP/1: its requests one after the other, also when it sends them all at once.
 *
 * I1  There is at most one exchange. What comes after its request is kept, at most 64 KiB of it, and read when its answer has gone out: answers cannot change places.
 * I2  After a refusal, or an answer that came before the request's end, nothing of the connection is read as a request any more.
 * I3  Nobody is read faster than the other side takes it: client, backend and memory go at one pace.
 */
import type { Socket } from 'node:net'
import { BodyReader } from '../http1/body.js'
import { requestText, responseText, upgradeOf, type Peer } from '../http1/forwarded-head.js'
import { Refusal } from '../http1/refusal.js'
import { LONGEST_HEAD, parseRequestHead, type RequestHead } from '../http1/request-head.js'
import type { ResponseHead } from '../http1/response-head.js'
import { SMALL_PIECE, type Asker } from './asker.js'
import type { Engine } from './engine.js'
import { Exchange } from './exchange.js'
import { ownAnswer } from './own-answer.js'
import { tunnel, tunnelEnd, type TunnelEnd } from './tunnel.js'

/** What else is kept of a client that sends ahead. */
const MOST_AHEAD = 64 * 1_024
/** How long a connection that is over is read on, so that the answer is not lost by a reset. */
const LINGER_MS = 2_000
const NOTHING = Buffer.alloc(0)
const END_OF_HEAD = '\r\n\r\n'
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export interface ClientConnectionOptions {
  readonly engine: Engine
  readonly socket: Socket
  /** Takes over a connection that turns out to speak HTTP/2. */
  readonly onHttp2: (socket: Socket) => void
}

export class ClientConnection implements Asker {
  readonly #engine: Engine
  readonly #socket: Socket
  readonly #onHttp2: (socket: Socket) => void
  readonly #peer: Peer

  #pending: Buffer = NOTHING
  #at = 0
  /** How much of an incomplete head has been looked at. */
  #looked = 0
  #isFirst = true
  #exchange: Exchange | undefined
  #request: RequestHead | undefined
  #body: BodyReader | undefined
  /** The head of the present answer has gone out. */
  #hasHead = false
  #isDecoding = false
  #isLastAnswer = false
  /** An answer has gone out, or a refusal, after which nothing is read (I2). */
  #isOver = false
  #isTunnel = false
  #isAdvancing = false
  #out = ''
  #isBlocked = false
  #deadline: number
  /** Bytes of the last answer that had not gone at the last look. */
  #unsent = 0

  constructor({ engine, socket, onHttp2 }: ClientConnectionOptions) {
    this.#engine = engine
    this.#socket = socket
    this.#onHttp2 = onHttp2
    this.#peer = { address: socket.remoteAddress ?? 'unknown', authority: `${socket.localAddress ?? ''}:${socket.localPort ?? ''}` }
    this.#deadline = engine.now + engine.limits.idleMs
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('drain', () => this.#drained())
    socket.on('end', () => this.#ended())
    socket.on('error', () => this.#gone())
    socket.on('close', () => this.#gone())
  }

  get isDecoding(): boolean {
    return this.#isDecoding
  }

  sweep(now: number): void {
    if (this.#isTunnel) return
    if (this.#isOver) this.#lookAtEnd(now)
    if (this.#exchange !== undefined && !this.#isBlocked) this.#exchange.sweep(now)
    else if (now >= this.#deadline) {
      if (this.#isBlocked || this.#isOver || this.#pending.length === this.#at) this.#socket.destroy()
      else this.#refuse(new Refusal(`the head of the request was not complete within ${this.#engine.limits.headMs} ms`, 408))
    }
  }

  /** Ends the connection as soon as nothing is in flight on it. */
  close(): void {
    if (this.#exchange === undefined && !this.#isTunnel && !this.#isOver) this.#finish()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  // The client's side.

  #read(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#at === this.#pending.length) this.#pending = chunk
    else this.#pending = Buffer.concat([this.#pending.subarray(this.#at), chunk])
    this.#at = 0
    this.#advance()
  }

  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    try {
      while (this.#step()) {
        // as far as it goes
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#refuse(error)
    } finally {
      this.#isAdvancing = false
    }
    this.#exchange?.flush()
    this.#regulate()
  }

  #step(): boolean {
    if (this.#isOver || this.#isTunnel || this.#isBlocked || this.#at === this.#pending.length) return false
    if (this.#exchange === undefined) return this.#begin()
    const body = this.#body
    if (body === undefined || !this.#exchange.takesBody) return false
    this.#at = body.read(this.#pending, this.#at, this.#pending.length, this.#exchange)
    if (body.isDone) {
      this.#body = undefined
      this.#exchange.requestDone()
    }
    return false
  }

  #begin(): boolean {
    const { length } = this.#pending
    if (this.#isFirst && this.#isPreface()) return false
    if (
      this.#looked > 0 &&
      length - this.#at <= LONGEST_HEAD &&
      this.#pending.indexOf(END_OF_HEAD, this.#at + Math.max(0, this.#looked - 3), 'latin1') < 0
    ) {
      this.#looked = length - this.#at
      return false
    }
    const head = parseRequestHead(this.#pending, this.#at, length)
    if (head === undefined) {
      if (this.#looked === 0) this.#deadline = this.#engine.now + this.#engine.limits.headMs
      this.#looked = length - this.#at
      return false
    }
    this.#looked = 0
    this.#isFirst = false
    const bytes = this.#pending
    this.#at = head.end
    this.#request = head
    this.#isDecoding = head.minor === 0
    this.#isLastAnswer = !head.isKeptAlive
    const { table, isTrusted } = this.#engine
    const route = table.find(head.fields.host)
    if (route === undefined) {
      this.#engine.refused++
      if (head.hasBody) this.#isLastAnswer = true
      if (table.isEmpty) this.fail(503, 'this proxy has no routes yet')
      else this.fail(421, 'no application here has that host')
      return !this.#isOver
    }
    this.#body = head.hasBody ? new BodyReader(head.fields.isChunked ? 'chunked' : 'length', head.fields.contentLength) : undefined
    this.#exchange = new Exchange(this.#engine, this, route, {
      method: head.method,
      text: requestText(bytes, head, this.#peer, isTrusted),
      hasBody: head.hasBody,
      upgrade: upgradeOf(head),
    })
    this.#exchange.start()
    return true
  }

  /** @returns whether this is, or may still become, a connection of HTTP/2 */
  #isPreface(): boolean {
    const length = Math.min(PREFACE.length, this.#pending.length)
    if (this.#pending[0] !== 80 || this.#pending.toString('latin1', 0, length) !== PREFACE.slice(0, length)) return false
    if (length < PREFACE.length) {
      if (this.#looked === 0) this.#deadline = this.#engine.now + this.#engine.limits.headMs
      return true
    }
    const socket = this.#socket
    const bytes = this.#pending
    this.#isTunnel = true
    this.#pending = NOTHING
    for (const event of ['data', 'drain', 'end']) socket.removeAllListeners(event)
    socket.pause()
    socket.unshift(bytes)
    this.#onHttp2(socket)
    return true
  }

  /** Stops reading when there is enough to do, and goes on when there is not (I3). */
  #regulate(): void {
    const ahead = this.#pending.length - this.#at
    const mustWait = this.#isBlocked || (this.#exchange !== undefined && ahead > 0 && (this.#body !== undefined || ahead > MOST_AHEAD))
    if (this.#isTunnel || this.#isOver) return
    if (mustWait) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  #drained(): void {
    this.#isBlocked = false
    if (this.#isOver) return
    if (this.#exchange === undefined) this.#deadline = this.#engine.now + this.#engine.limits.idleMs
    else this.#exchange.resumeAnswer()
    this.#advance()
  }

  /** A client that ends its side has gone, as for Node's own server: it would not wait for an answer. */
  #ended(): void {
    if (this.#exchange === undefined) this.#socket.end()
    else this.#socket.destroy()
  }

  #gone(): void {
    this.#isOver = true
    this.#pending = NOTHING
    this.#at = 0
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.abandon()
  }

  #refuse({ status, message }: Refusal): void {
    this.#engine.refused++
    const exchange = this.#exchange
    if (exchange === undefined) return this.#finish(ownAnswer(status, message, { isClosing: true }))
    // The body is at fault. What a backend has of it is not complete, and never will be.
    this.#exchange = undefined
    exchange.abandon()
    if (this.#hasHead) this.#socket.destroy()
    else this.#finish(ownAnswer(status, message, { isClosing: true }))
  }

  /** The last that this client hears (I2). */
  #finish(text = ''): void {
    this.#isOver = true
    this.#pending = NOTHING
    this.#at = 0
    this.#body = undefined
    this.#unsent = Infinity
    this.#deadline = this.#engine.now + this.#engine.limits.stallMs
    this.#socket.end(this.#out + text, 'latin1', () => {
      this.#unsent = 0
      this.#deadline = this.#engine.now + LINGER_MS
    })
    this.#out = ''
    this.#socket.resume()
  }

  /** A client that reads slowly gets all of the last answer, as long as it reads. */
  #lookAtEnd(now: number): void {
    const left = this.#socket.writableLength
    if (left >= this.#unsent) return
    this.#unsent = left
    this.#deadline = now + this.#engine.limits.stallMs
  }

  // What the exchange reports.

  interim(bytes: Buffer, from: number, head: ResponseHead): void {
    if (this.#request?.minor !== 0) this.#out += responseText(bytes, from, head, head.status === 101 ? this.#versionLines() : '', false)
  }

  head(bytes: Buffer, from: number, head: ResponseHead): void {
    this.#hasHead = true
    const isHttp10 = this.#isDecoding
    if (this.#body !== undefined || this.#engine.isClosing || head.body === 'close' || (isHttp10 && head.body === 'chunked'))
      this.#isLastAnswer = true
    const connection = this.#isLastAnswer ? 'Connection: close\r\n' : isHttp10 ? 'Connection: keep-alive\r\n' : ''
    this.#out += responseText(bytes, from, head, connection + this.#versionLines(), isHttp10 && head.fields.isChunked)
  }

  #versionLines(): string {
    let lines = ''
    for (const [name, value] of this.#exchange?.answerFields() ?? []) lines += `${name}: ${value}\r\n`
    return lines
  }

  pass(bytes: Buffer, from: number, to: number): void {
    if (this.#out.length > SMALL_PIECE || to - from > SMALL_PIECE) this.flush()
    if (to - from <= SMALL_PIECE) {
      this.#out += bytes.toString('latin1', from, to)
      return
    }
    this.#written(this.#socket.write(bytes.subarray(from, to)))
  }

  flush(): void {
    if (this.#out === '') return
    const out = this.#out
    this.#out = ''
    this.#written(this.#socket.write(out, 'latin1'))
  }

  #written(isTaken: boolean): void {
    if (isTaken || this.#isBlocked) return
    this.#isBlocked = true
    this.#deadline = this.#engine.now + this.#engine.limits.stallMs
    this.#exchange?.pauseAnswer()
  }

  done(): void {
    this.#exchange = undefined
    this.#hasHead = false
    if (this.#isLastAnswer || this.#engine.isClosing || this.#body !== undefined) return this.#finish()
    this.flush()
    if (!this.#isBlocked) this.#deadline = this.#engine.now + this.#engine.limits.idleMs
    if (this.#at < this.#pending.length || this.#socket.isPaused()) this.#advance()
  }

  fail(status: number, reason: string): void {
    this.#exchange = undefined
    const isClosing = this.#isLastAnswer || this.#body !== undefined || this.#engine.isClosing
    const text = ownAnswer(status, reason, { isClosing, isHead: this.#request?.method === 'HEAD' })
    if (isClosing) return this.#finish(text)
    this.#out += text
    this.done()
  }

  cut(): void {
    this.#exchange = undefined
    this.#isOver = true
    // A reset: an end could be taken for the end of the answer.
    this.#socket.resetAndDestroy()
  }

  tunnel(backend: TunnelEnd, rest: Buffer, onClosed: () => void): void {
    this.#isTunnel = true
    this.#exchange = undefined
    const ahead = this.#pending.subarray(this.#at)
    this.#pending = NOTHING
    this.#at = 0
    tunnel(tunnelEnd(this.#socket), backend, onClosed)
    if (rest.length > 0) this.#socket.write(rest)
    if (ahead.length > 0) backend.socket.write(ahead)
  }

  resumeBody(): void {
    this.#advance()
  }
}
