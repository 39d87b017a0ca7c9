/**
 * One replica's part in the leadership of one component: it is a candidate, runs `lead()` while it
 * holds the lease, and renews the lease (contract/leader.ts).
 *
 *     waiting → granted → leading → (lost, failed, stopped) → ending
 *     → `lead()` has ended → lease released → waiting, or gone
 *
 * I1  A lease counts from the moment of its request, on the monotonic clock, and ends for its
 *     holder a fifth early. The deployer counts from a later moment: it grants the lease to another
 *     replica only after this one has told its leader to stop.
 * I2  `lead()` starts again only when it has ended. Each candidacy has its own term, so it starts
 *     with another token.
 * I3  The lease is released when `lead()` has ended, never earlier. If `lead()` does not end, the
 *     lease expires by itself.
 * I4  An answer to an earlier request takes nothing away that a later one has granted.
 */
import { randomBytes } from 'node:crypto'
import type { Lease } from '../component/component.js'
import { WeaverError } from '../contract/errors.js'
import {
  encodeLeader,
  LEASE_MARGIN,
  LEASE_MS,
  LEASE_RENEWAL,
  leaderPollSubject,
  parseLeaderAnswer,
  type LeaderAnswer,
  type LeaderRequest,
} from '../contract/leader.js'
import { leaderSubject } from '../contract/subjects.js'
import { Cancellation } from '../context/cancellation.js'
import { NO_METADATA, runInContext, Scope } from '../context/context.js'
import type { Subscription, Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'

export interface LeadershipOptions {
  readonly component: string
  readonly lead: (lease: Lease) => Promise<void> | void
  /** Absent: there are no other processes, and this replica leads at once. */
  readonly transport: Transport | undefined
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
}

/** An unanswered request is repeated after this part of the interval between answered ones. */
const RETRY = 0.2

interface Term {
  readonly id: string
  leading: { readonly token: number; readonly abort: AbortController; readonly ended: Promise<void> } | undefined
  /** When the request was made whose answer applies. */
  grantedAt: number
  expiry: NodeJS.Timeout | undefined
}

export class Leadership {
  readonly #options: LeadershipOptions
  #term: Term | undefined
  readonly #subscriptions: Subscription[] = []
  /** Inbox of this process: answers for another process of the same replica do not arrive here. */
  readonly #inbox: string
  #timer: NodeJS.Timeout | undefined
  #leaseMs = LEASE_MS
  #isStopped = false
  /** Resolves when the previous leadership has ended. */
  #ended: Promise<void> = Promise.resolve()

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#inbox = `${options.transport?.inbox ?? ''}.lead.${newId()}`
  }

  /** Becomes a candidate. */
  start(): void {
    const { transport, deploymentId, component } = this.#options
    if (transport !== undefined) {
      this.#subscriptions.push(
        transport.subscribe(`${this.#inbox}.*`, ({ subject, data }) => this.#onAnswer(subject, parseLeaderAnswer(data))),
        transport.subscribe(leaderPollSubject(deploymentId, component), () => this.#ask()),
      )
      transport.onConnection((isConnected) => void (isConnected && this.#ask()))
    }
    this.#stand()
  }

  /** Ends the candidacy; resolves when `lead()` has ended and the lease is released. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    if (this.#term?.leading !== undefined) this.#end(this.#term, 'the process stops')
    await this.#ended
  }

  #stand(): void {
    const term: Term = { id: newId(), leading: undefined, grantedAt: -Infinity, expiry: undefined }
    this.#term = term
    // A token from the clock is greater than those of earlier processes.
    if (this.#options.transport === undefined) this.#lead(term, Date.now())
    else this.#ask()
  }

  #ask(): void {
    const term = this.#term
    if (term === undefined || this.#isStopped || term.leading?.abort.signal.aborted === true) return
    this.#askIn(this.#leaseMs * LEASE_RENEWAL * RETRY)
    this.#say('ask', term)
  }

  /** Randomised, so that replicas started together do not send together. */
  #askIn(delayMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = setTimeout(() => this.#ask(), delayMs * (0.8 + 0.2 * Math.random()))
    this.#timer.unref() // waiting for leadership does not keep the process alive
  }

  #say(kind: LeaderRequest['kind'], term: Term): void {
    const { transport, deploymentId, component, replica, log } = this.#options
    if (transport?.isConnected !== true) return // repeated at the reconnect; a lease that is not released expires
    const request: LeaderRequest = { kind, component, replica, term: term.id, askedAt: performance.now() }
    try {
      transport.publish(leaderSubject(deploymentId, component), encodeLeader(request), `${this.#inbox}.${term.id}`)
    } catch (error) {
      log.warn('the deployer was not notified of the leadership; it is notified again', { component, err: error })
    }
  }

  #onAnswer(subject: string, answer: LeaderAnswer | undefined): void {
    const term = this.#term
    if (answer === undefined || term === undefined || subject !== `${this.#inbox}.${term.id}`) return // for an earlier term
    if (this.#isStopped || term.leading?.abort.signal.aborted === true) return
    this.#leaseMs = answer.leaseMs
    if (answer.askedAt <= term.grantedAt) return // I4
    if (answer.kind === 'refused') {
      if (term.leading !== undefined) return this.#end(term, 'the deployer wants another replica to lead')
      return this.#askIn(this.#leaseMs * LEASE_RENEWAL)
    }
    // I1
    const leftMs = answer.askedAt + answer.leaseMs * (1 - LEASE_MARGIN) - performance.now()
    if (leftMs <= 0) return
    term.grantedAt = answer.askedAt
    clearTimeout(term.expiry)
    term.expiry = setTimeout(() => this.#end(term, `the lease of ${answer.leaseMs} ms was not renewed in time`), leftMs)
    this.#askIn(this.#leaseMs * LEASE_RENEWAL)
    if (term.leading === undefined) this.#lead(term, answer.token)
  }

  #lead(term: Term, token: number): void {
    const { component, lead, log } = this.#options
    const abort = new AbortController()
    const { signal } = abort
    log.info('leads', { component, token })
    const body = async (): Promise<void> => {
      try {
        await runInContext(new Scope({ metadata: NO_METADATA }, Cancellation.of(signal)), async () => lead({ token, signal }))
      } catch (error) {
        if (!signal.aborted) {
          log.error('lead() failed; the lease is given back, and this replica stands again after a while', { component, token, err: error })
          this.#end(term, 'lead() failed', this.#leaseMs * LEASE_RENEWAL)
        } else if (error !== signal.reason) log.warn('lead() failed when its lease had ended', { component, token, err: error })
      }
    }
    term.leading = { token, abort, ended: body() }
  }

  /** I2, I3 */
  #end(term: Term, why: string, pauseMs: number = 0): void {
    const { component, log } = this.#options
    const { leading } = term
    if (leading === undefined || leading.abort.signal.aborted) return
    clearTimeout(term.expiry)
    clearTimeout(this.#timer)
    log.info('leads no more', { component, token: leading.token, reason: why })
    leading.abort.abort(new WeaverError('WEAVER_LEASE_ENDED', `this replica does not lead "${component}" any more: ${why}`))
    const late = setTimeout(
      () => log.error('lead() goes on although its lease has ended; let it end when its signal fires', { component, token: leading.token }),
      this.#leaseMs * LEASE_MARGIN,
    )
    late.unref()
    this.#ended = leading.ended.then(() => {
      clearTimeout(late)
      this.#say('release', term)
      this.#term = undefined
      if (this.#isStopped) return
      this.#timer = setTimeout(() => this.#stand(), pauseMs)
      this.#timer.unref()
    })
  }
}

function newId(): string {
  return randomBytes(9).toString('base64url')
}
