/**
 * Announces to the deployer that this replica serves routed components: `join`, a slow heartbeat,
 * `drain`, `leave` (contract/routing.ts).
 *
 * I1  After `drain` nothing announces the replica any more, whatever is asked or reconnected.
 * I2  Heartbeats fall on common moments of the clock, sixteen per interval: the deployer then wakes
 *     up for many replicas at once, since waking up costs more than reading their messages.
 *     Replicas with different clocks lose only that.
 * I3  A restored connection is followed by a heartbeat at once: the deployer may have counted the
 *     silence.
 */
import { randomBytes } from 'node:crypto'
import { encodeJson, HEARTBEAT_JITTER, HEARTBEAT_MS, type PresenceEvent } from '../contract/routing.js'
import { eventSubject } from '../contract/subjects.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'

export interface PresenceOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  /** Routed components served here. Without any, nothing is announced. */
  readonly components: readonly string[]
  readonly log: Logger
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
}

/** Moments of the clock per heartbeat interval. */
const MOMENTS = 16

export class Presence {
  readonly #options: PresenceOptions
  readonly #incarnation = randomBytes(9).toString('base64url')
  #state: 'silent' | 'there' | 'draining' | 'gone' = 'silent'
  #timer: NodeJS.Timeout | undefined

  constructor(options: PresenceOptions) {
    this.#options = options
    if (options.components.length > 0)
      options.transport.onConnection((isConnected) => {
        if (isConnected && this.#state === 'there') this.#say('alive') // I3
      })
  }

  /** The answer to a starting deployer; `undefined` unless this replica serves. */
  get current(): PresenceEvent | undefined {
    return this.#state === 'there' ? this.#event('alive') : undefined // I1
  }

  join(): void {
    if (this.#state !== 'silent' || this.#options.components.length === 0) return
    this.#state = 'there'
    this.#say('join')
    this.#beat()
  }

  drain(): void {
    if (this.#state === 'there') this.#say('drain')
    this.#state = 'draining'
    clearTimeout(this.#timer)
  }

  leave(): void {
    if (this.#state === 'draining' && this.#options.components.length > 0) this.#say('leave')
    this.#state = 'gone'
  }

  #beat(): void {
    const { heartbeatMs = HEARTBEAT_MS } = this.#options
    const now = Date.now()
    const grid = heartbeatMs / MOMENTS
    const due = now + heartbeatMs * (1 + HEARTBEAT_JITTER * (2 * Math.random() - 1))
    this.#timer = setTimeout(
      () => {
        this.#say('alive')
        this.#beat()
      },
      Math.round(due / grid) * grid - now, // I2
    )
    this.#timer.unref() // presence does not keep the process alive
  }

  #say(kind: PresenceEvent['kind']): void {
    const { transport, deploymentId, log } = this.#options
    if (!transport.isConnected) return // I3
    try {
      transport.publish(eventSubject(deploymentId), encodeJson(this.#event(kind)))
    } catch (error) {
      log.warn('the deployer was not notified that this replica is up; it is notified again', { err: error })
    }
  }

  #event(kind: PresenceEvent['kind']): PresenceEvent {
    const { replica, components } = this.#options
    return { kind, replica, incarnation: this.#incarnation, components }
  }
}
