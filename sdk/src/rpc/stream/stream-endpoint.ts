/**
 * One side's mailbox for streaming calls: a subject of its own under the weavelet's inbox, the
 * calls that use it, and the watch over the endpoints at their other ends. `stream-client.ts` and
 * `stream-server.ts` each have one.
 *
 * I1  A subject is never reused: its last token is random, and replaced when a lost connection is
 *     restored. So no frame can reach a call that it was not meant for, and pings to a side that
 *     has gone get "no responders" from the broker.
 * I2  A call whose other side has gone ends within a second: pings have a reply subject, and the
 *     broker answers for a subject without subscribers. A side that is present but silent, because
 *     it is frozen, is given up after `SILENCE_MS`.
 * I3  The loss of our connection ends every call at once: what was sent meanwhile is lost, so no
 *     stream can continue.
 * I4  The watch costs one ping per pair of endpoints, however many calls they share, and nothing
 *     without calls.
 */
import { randomBytes } from 'node:crypto'
import { Writer } from '../../codec/writer.js'
import type { Reader } from '../../codec/reader.js'
import { reasonOf } from '../../contract/errors.js'
import type { Logger } from '../../telemetry/logger.js'
import { FRAME_VERSION, KIND, readKind } from '../wire/frame.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { IdleWait } from '../../context/idle.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError } from '../../errors/remote-call-error.js'
import { STREAM_KIND } from '../wire/stream-frame.js'
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.js'

const PING_MS = 500
/**
 * Longer than a working process is ever busy in one piece; a frozen one holds its callers no longer
 * than this.
 */
const SILENCE_MS = 10_000

export interface EndpointCall {
  /**
   * Handles a frame of this call; the reader is positioned after the call id. May throw for invalid
   * bytes: the call then gets `onLost`.
   */
  onFrame(kind: number, reader: Reader): void
  /** There were no responders where the call was opened. */
  onNoResponders(): void
  /** The other side, or the connection, is gone. No frame follows. */
  onLost(error: RemoteCallError): void
}

interface Entry {
  readonly call: EndpointCall
  peer: Peer | undefined
}

interface Peer {
  readonly subject: string
  readonly number: number
  readonly calls: Set<number>
  heardAt: number
}

export interface StreamEndpointOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
  /** How long the other side may be silent, in milliseconds. @default 10000 */
  readonly silenceMs?: number
}

export class StreamEndpoint {
  readonly #options: StreamEndpointOptions
  readonly #calls = new Map<number, Entry>()
  readonly #peers = new Map<string, Peer>()
  readonly #writer = new Writer()
  readonly #damaged: DamagedFrames
  #subject = ''
  #subscriptions: readonly Subscription[] = []
  #nextCall = 1
  #nextPeer = 1
  #pings: NodeJS.Timeout | undefined
  #pingedAt = 0
  readonly #idle = new IdleWait()

  constructor(options: StreamEndpointOptions) {
    this.#options = options
    this.#damaged = new DamagedFrames(options.log, { message: 'a frame of a stream cannot be understood', kind: 'stream' })
    this.#listen()
    options.transport.onConnection((isConnected) => {
      if (isConnected) return this.#listen()
      const lost = new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'the connection to the broker was lost in mid-stream', {
        mayHaveRun: true,
      })
      for (const id of this.#calls.keys()) this.#lose(id, lost)
    })
  }

  /** The subject to which the other side of a call writes. */
  get subject(): string {
    return this.#subject
  }

  get inFlight(): number {
    return this.#calls.size
  }

  /** Resolves when there is no call, including calls that are added meanwhile. */
  whenNoneIsOpen(): Promise<void> {
    return this.#idle.until(this.#calls.size === 0)
  }

  /** Handles a message that opens a stream, or is an item of one, and cannot be decoded. */
  onDamaged(reason: string): void {
    this.#damaged.add({ reason })
  }

  /**
   * The subject for the answer to this call's `open`: the broker's "no responders", or a refusal.
   */
  openReply(callId: number): string {
    return `${this.#subject}.o.${callId}`
  }

  /** @returns the id by which the other side names the call */
  add(call: EndpointCall): number {
    const id = this.#nextCall
    this.#nextCall = id === 0xffff_ffff ? 1 : id + 1
    this.#calls.set(id, { call, peer: undefined })
    return id
  }

  /** Sets the other side of a call, and watches it. */
  connect(callId: number, subject: string): void {
    const entry = this.#calls.get(callId)
    if (entry === undefined) return
    let peer = this.#peers.get(subject)
    if (peer === undefined) {
      peer = { subject, number: this.#nextPeer++, calls: new Set(), heardAt: processNow() }
      this.#peers.set(subject, peer)
    }
    peer.calls.add(callId)
    entry.peer = peer
    if (this.#pings !== undefined) return
    this.#pingedAt = processNow()
    this.#pings = setInterval(() => this.#ping(), PING_MS)
  }

  /** The call is over on this side; later frames for it are dropped. */
  remove(callId: number): void {
    const peer = this.#calls.get(callId)?.peer
    this.#calls.delete(callId)
    if (this.#calls.size === 0) this.#idle.notify()
    if (peer === undefined) return
    peer.calls.delete(callId)
    if (peer.calls.size > 0) return
    this.#peers.delete(peer.subject)
    if (this.#peers.size > 0) return
    clearInterval(this.#pings)
    this.#pings = undefined
  }

  /** Creates a frame; a failure to write one leaves nothing behind. */
  encode(write: (w: Writer) => void): Uint8Array {
    try {
      write(this.#writer)
      return this.#writer.finish()
    } catch (error) {
      this.#writer.reset()
      throw error
    }
  }

  /**
   * Sends a frame. Without a connection it is dropped: I3 ends its call.
   * @throws RemoteCallError `WEAVER_RPC_TOO_LARGE`, and whatever `write` throws; nothing was sent
   * then.
   */
  send(subject: string, write: (w: Writer) => void): void {
    const { transport } = this.#options
    const frame = this.encode(write)
    const { maxPayloadBytes } = transport
    if (frame.length > maxPayloadBytes)
      throw new RemoteCallError('WEAVER_RPC_TOO_LARGE', `${frame.length} bytes are above the broker's limit of ${maxPayloadBytes}`, {
        mayHaveRun: true,
      })
    this.#publish(subject, frame)
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    clearInterval(this.#pings)
    this.#pings = undefined
  }

  #publish(subject: string, frame: Uint8Array, reply?: string): void {
    const { transport, log } = this.#options
    if (!transport.isConnected) return
    try {
      transport.publish(subject, frame, reply)
    } catch (error) {
      log.debug('a frame of a stream is lost with the connection; its call ends', { err: error })
    }
  }

  /** I1 */
  #listen(): void {
    const { transport } = this.#options
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    this.#subject = `${transport.inbox}.s.${randomBytes(9).toString('base64url')}`
    this.#subscriptions = [
      transport.subscribe(this.#subject, (message) => this.#onMessage(message, undefined)),
      transport.subscribe(`${this.#subject}.o.*`, (message) => this.#onMessage(message, numberOf(message.subject))),
      transport.subscribe(`${this.#subject}.p.*`, (message) => this.#onPeerGone(numberOf(message.subject))),
    ]
  }

  #onMessage(message: IncomingMessage, answered: number | undefined): void {
    if (message.isNoResponders) {
      if (answered !== undefined) this.#calls.get(answered)?.call.onNoResponders()
      return
    }
    const { kind, reader } = readKind(message.data)
    let callId = 0
    try {
      if (kind === STREAM_KIND.ping) return this.#onPing(reader.string())
      callId = answered ?? reader.uint()
      if (answered !== undefined) skipCallId(kind, reader)
      const entry = this.#calls.get(callId)
      if (entry === undefined) return this.#onStray(kind, reader)
      if (entry.peer !== undefined) entry.peer.heardAt = processNow()
      entry.call.onFrame(kind, reader)
    } catch (cause) {
      const why = reasonOf(cause)
      this.#damaged.add({ reason: why })
      this.#lose(callId, new RemoteCallError('WEAVER_RPC_PROTOCOL', `a frame of the stream cannot be understood: ${why}`, { mayHaveRun: true, cause })) // prettier-ignore
    }
  }

  /**
   * Our side gave the call up before it was accepted: the replica that took it must not wait for
   * us.
   */
  #onStray(kind: number, reader: Reader): void {
    if (kind !== STREAM_KIND.accepted) return
    const subject = reader.string()
    const theirs = reader.uint()
    this.send(subject, (w) => {
      w.u8(FRAME_VERSION)
      w.u8(STREAM_KIND.cancel)
      w.uint(theirs)
    })
  }

  #onPing(from: string): void {
    const peer = this.#peers.get(from)
    if (peer !== undefined) peer.heardAt = processNow()
  }

  /** I2 */
  #ping(): void {
    const now = processNow()
    const { silenceMs = SILENCE_MS } = this.#options
    // This process itself was paused, and has not read yet what arrived meanwhile.
    const stoodStill = now - this.#pingedAt > 2 * PING_MS
    this.#pingedAt = now
    for (const peer of this.#peers.values()) {
      if (stoodStill) peer.heardAt = now
      if (now - peer.heardAt > silenceMs)
        this.#losePeer(peer, `has not been heard for ${silenceMs / 1_000} seconds; it is frozen, or too busy to speak`)
      else
        this.#publish(
          peer.subject,
          this.encode((w) => {
            w.u8(FRAME_VERSION)
            w.u8(STREAM_KIND.ping)
            w.string(this.#subject)
          }),
          `${this.#subject}.p.${peer.number}`,
        )
    }
  }

  #onPeerGone(number: number): void {
    for (const peer of this.#peers.values())
      if (peer.number === number) this.#losePeer(peer, 'has gone: it ended, or lost its connection to the broker')
  }

  #losePeer(peer: Peer, why: string): void {
    const lost = new RemoteCallError('WEAVER_RPC_PEER_LOST', `the other side of the stream ${why}`, { mayHaveRun: true })
    for (const id of peer.calls) this.#lose(id, lost)
  }

  #lose(callId: number, error: RemoteCallError): void {
    const entry = this.#calls.get(callId)
    if (entry === undefined) return
    this.remove(callId)
    entry.call.onLost(error)
  }
}

/**
 * The subject identifies the call. Messages of the server of all calls about a request in parts
 * have a number of another form.
 */
function skipCallId(kind: number, reader: Reader): void {
  if (kind === KIND.accept || kind === KIND.failure) reader.u32()
  else reader.uint()
}

function numberOf(subject: string): number {
  return Number(subject.slice(subject.lastIndexOf('.') + 1))
}
