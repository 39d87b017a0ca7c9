/**
 * One request and its answer: choice of a backend, another one where that is safe, and the accounts.
 *
 * I1  A request is given again only when it surely did not run, or may run twice: nothing of it was taken by a backend, or its method is idempotent and no byte of an answer
 *     has come. In the second case once, so that a request that kills its backend does not kill them all.
 * I2  Of a client's body nothing is read before there is a connection to send it on.
 * I3  Each attempt is entered in the accounts of its backend once, and leaves them once.
 */
import type { Socket } from 'node:net'
import type { BackendState, InFlight } from '../routing/backend.js'
import type { Picked, RouteState } from '../routing/route-state.js'
import type { TargetState } from '../routing/target-state.js'
import { readAsk, type VersionAsk, type VersionChoice } from '../routing/version-choice.js'
import { SMALL_PIECE, type Asker } from './asker.js'
import type { Engine } from './engine.js'
import { idleOf, Upstream, type UpstreamUser } from './upstream.js'

export interface OutgoingRequest {
  readonly method: string
  /** The head, as it is sent. */
  readonly text: string
  readonly hasBody: boolean
  readonly upgrade: string | undefined
}

/** What is kept of a request to send it again. */
const LONGEST_REPLAY = 64 * 1_024
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'REPORT', 'QUERY'])
/** Not the backend's fault, and no other backend would help. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])

const NO_FIELDS: readonly (readonly [string, string])[] = []

type Phase = 'waiting' | 'connecting' | 'sent' | 'answering' | 'over'

export class Exchange implements InFlight, UpstreamUser {
  readonly asker: Asker
  readonly request: OutgoingRequest
  isSent: boolean

  readonly #engine: Engine
  readonly #route: RouteState
  #turn: TargetState | undefined
  #tried: BackendState[] = []
  /** Lost a connection that it may have closed for want of use. Another one of the same target is better, and it is better than another target. */
  #suspect: BackendState | undefined
  #counted: TargetState | undefined
  #target: TargetState | undefined
  #upstream: Upstream | undefined
  #phase: Phase = 'waiting'
  #deadline = 0
  #waitUntil = 0
  #stopWaiting: (() => void) | undefined
  #out = ''
  /** The kernel may have taken something of it. */
  #isTaken = false
  #isBlocked = false
  #repeats = 0
  /** What the request says about its version, where the route has any. */
  #asked: { readonly versions: VersionChoice; readonly ask: VersionAsk; readonly counted: number | undefined } | undefined
  /** All that was sent; undefined when it cannot be sent again. */
  #replay: string | undefined

  constructor(engine: Engine, asker: Asker, route: RouteState, request: OutgoingRequest) {
    this.#engine = engine
    this.asker = asker
    this.#route = route
    this.request = request
    this.isSent = !request.hasBody
  }

  start(): void {
    const { versions } = this.#route
    const ask = versions === undefined ? undefined : readAsk(this.request.text, versions.affinity)
    const turn = ask === undefined ? undefined : versions?.turn(ask)
    this.#turn = turn === undefined ? this.#route.next() : turn.target
    if (versions !== undefined && ask !== undefined) this.#asked = { versions, ask, counted: turn?.counted }
    this.#waitUntil = this.#engine.now + this.#engine.limits.queueMs
    this.#attempt(true)
  }

  /** A piece of the request's body may be passed. */
  get takesBody(): boolean {
    return (this.#phase === 'sent' || this.#phase === 'answering') && !this.#isBlocked
  }

  pass(bytes: Buffer, from: number, to: number): void {
    const length = to - from
    if (this.#replay !== undefined)
      this.#replay = this.#replay.length + length > LONGEST_REPLAY ? undefined : this.#replay + bytes.toString('latin1', from, to)
    this.#deadline = this.#engine.now + this.#engine.limits.stallMs
    if (length <= SMALL_PIECE && this.#out.length <= SMALL_PIECE) {
      this.#out += bytes.toString('latin1', from, to)
      return
    }
    this.flush()
    if (this.#upstream !== undefined) this.#write(this.#upstream.socket, bytes.subarray(from, to))
  }

  flush(): void {
    if (this.#out === '' || this.#upstream === undefined || !this.#upstream.isConnected) return
    const out = this.#out
    this.#out = ''
    this.#write(this.#upstream.socket, out)
  }

  #write(socket: Socket, piece: string | Buffer): void {
    const takesMore = typeof piece === 'string' ? socket.write(piece, 'latin1') : socket.write(piece)
    if (!takesMore) this.#isBlocked = true
    // An error at once: the kernel has taken nothing. One that comes later may follow a part.
    this.#isTaken ||= socket.errored === null
  }

  /** The request's last byte was passed. */
  requestDone(): void {
    this.isSent = true
    if (this.#phase === 'sent') this.#deadline = this.#engine.now + this.#engine.limits.answerMs
  }

  pauseAnswer(): void {
    this.#upstream?.socket.pause()
  }

  resumeAnswer(): void {
    this.#upstream?.socket.resume()
  }

  /** The client has gone. */
  abandon(): void {
    if (this.#phase === 'over') return
    const upstream = this.#upstream
    this.#leave(false)
    this.#end()
    upstream?.destroy()
  }

  cut(): void {
    const hadHead = this.#phase === 'answering'
    if (this.#phase === 'over') return
    const upstream = this.#upstream
    this.#leave(true)
    this.#end()
    upstream?.destroy()
    if (hadHead) this.asker.cut()
    else this.asker.fail(503, 'the process that was to answer is being stopped')
  }

  /** Called now and then. */
  sweep(now: number): void {
    if (this.#phase === 'waiting') {
      if (now >= this.#waitUntil) this.#fail(503, 'no process of this listener is alive')
    } else if (this.#phase === 'connecting') {
      if (now >= this.#deadline) this.#upstream?.socket.destroy(new Error(`no connection within ${this.#engine.limits.connectMs} ms`))
    } else if (this.#phase !== 'over' && now >= this.#deadline) {
      const { answerMs, stallMs } = this.#engine.limits
      if (this.isSent) {
        if (this.#phase === 'sent') this.#fail(504, `no answer within ${answerMs} ms`)
      } else if (this.#phase === 'answering') {
        const upstream = this.#upstream
        this.broken(`the body of the request stood still for ${stallMs} ms`)
        upstream?.destroy()
      } else if (this.#isBlocked) this.#fail(504, `the body of the request was not read for ${stallMs} ms`)
      else this.#fail(408, `the body of the request stood still for ${stallMs} ms`, false)
    }
  }

  // What the connection to the backend reports.

  connected(): void {
    this.#send()
    this.asker.resumeBody()
  }

  writable(): void {
    this.#isBlocked = false
    this.asker.resumeBody()
  }

  /** Fields that are added to the head of the final answer. */
  answerFields(): readonly (readonly [string, string])[] {
    const version = this.#counted?.version
    if (this.#asked === undefined || version === undefined) return NO_FIELDS
    const { versions, ask, counted } = this.#asked
    if (ask.asked !== undefined && ask.asked !== version) this.#engine.lostPins++
    return versions.answerFields(version, ask, counted)
  }

  /** The head of the final answer has come. */
  answered(): void {
    this.#phase = 'answering'
    this.#replay = undefined
  }

  complete(): void {
    this.#leave(false)
    this.#end()
    this.asker.done()
  }

  /** The tunnel that it became has closed. */
  tunnelled(): void {
    this.#leave(false)
    this.#end()
  }

  broken(reason: string): void {
    const hadHead = this.#phase === 'answering'
    this.#note(reason)
    this.#leave(true)
    this.#end()
    if (hadHead) this.asker.cut()
    else this.asker.fail(502, reason)
  }

  /** The connection has ended before the answer was complete. */
  lost(upstream: Upstream, error: NodeJS.ErrnoException | undefined): void {
    const { backend } = upstream
    const reason = error?.message ?? 'the backend closed the connection'
    if (error?.code !== undefined && OWN_FAULTS.has(error.code)) return this.#fail(503, `this proxy cannot connect: ${error.message}`)
    if (this.#phase === 'connecting') {
      backend.markDown(reason)
      this.#tried.push(backend)
      return this.#again({ isIdleTaken: true, isBackendError: true })
    }
    if (this.#phase === 'answering' || upstream.hasAnswered) return this.broken(reason)
    // A connection that was used before may have been closed between two requests; a new one that breaks means more.
    if (!upstream.isReused) {
      backend.markDown(reason)
      this.#tried.push(backend)
    } else this.#suspect = backend
    if (this.#replay !== undefined && (!this.#isTaken || (this.#repeats === 0 && IDEMPOTENT.has(this.request.method)))) {
      if (this.#isTaken) this.#repeats++
      return this.#again({ isIdleTaken: false, isBackendError: !upstream.isReused })
    }
    this.broken(reason)
  }

  #attempt(isIdleTaken: boolean): void {
    const picked = this.#pick()
    if (picked === undefined) {
      this.#phase = 'waiting'
      this.#stopWaiting = this.#engine.table.onceChanged(() => {
        this.#tried = []
        this.#attempt(false)
      })
      return
    }
    const { target, backend } = picked
    this.#target = target
    if (this.#counted !== target) target.requests++
    this.#counted = target
    target.inFlight++
    backend.begin(this)
    const idle = isIdleTaken ? idleOf(backend).take(this.#engine.now) : undefined
    if (idle !== undefined) {
      idle.exchange = this
      this.#upstream = idle
      this.#send()
      return
    }
    this.#phase = 'connecting'
    this.#deadline = this.#engine.now + this.#engine.limits.connectMs
    this.#upstream = new Upstream(this.#engine, backend, this)
  }

  #pick(): Picked | undefined {
    if (this.#suspect !== undefined && this.#turn !== undefined) {
      const backend = this.#turn.pick([...this.#tried, this.#suspect])
      if (backend !== undefined) return { target: this.#turn, backend }
    }
    return this.#route.pick(this.#turn, this.#tried)
  }

  #send(): void {
    this.#phase = 'sent'
    this.#isTaken = false
    this.#isBlocked = false
    this.#deadline = this.#engine.now + (this.isSent ? this.#engine.limits.answerMs : this.#engine.limits.stallMs)
    this.#out = this.#replay ?? this.request.text
    this.#replay = this.#out
  }

  #again({ isIdleTaken, isBackendError }: { readonly isIdleTaken: boolean; readonly isBackendError: boolean }): void {
    this.#engine.retries++
    this.#leave(isBackendError, false)
    this.#attempt(isIdleTaken)
    if (this.#phase === 'sent') this.asker.resumeBody()
  }

  #fail(status: number, reason: string, isBackend = true): void {
    const upstream = this.#upstream
    if (isBackend) this.#note(reason)
    this.#leave(isBackend)
    this.#end()
    upstream?.destroy()
    this.asker.fail(status, reason)
  }

  #note(reason: string): void {
    const backend = this.#upstream?.backend
    this.#engine.log?.warn('a request failed', {
      method: this.request.method,
      reason,
      ...(backend === undefined ? {} : { backend: backend.id, address: backend.address }),
    })
  }

  /** Takes this attempt out of the accounts (I3). */
  #leave(isBackendError: boolean, isTargetError = isBackendError): void {
    const upstream = this.#upstream
    const target = this.#target
    this.#upstream = undefined
    this.#target = undefined
    if (upstream === undefined || target === undefined) {
      if (isTargetError && this.#turn !== undefined) this.#turn.errors++
      return
    }
    target.inFlight--
    if (isTargetError) target.errors++
    if (isBackendError) upstream.backend.errors++
    upstream.backend.end(this)
  }

  #end(): void {
    this.#phase = 'over'
    this.#stopWaiting?.()
    this.#stopWaiting = undefined
    this.#replay = undefined
    this.#out = ''
  }
}
