/**
 * One replica's part in the leadership of one component: stands for it, runs `lead()` while it has the lease, and renews that (contract/leader.ts).
 *
 *     waiting → granted → leading → (lost, failed, stopped) → ending → `lead()` has ended → lease given back → waiting, or gone
 *
 * I1  A lease counts from the moment at which it was asked for, on the monotonic clock, and is over a fifth before its end. The deployer counts from later on:
 *     it gives the lease to nobody else before this replica has told its leader to stop.
 * I2  `lead()` begins again only when it has ended. Each candidature has a term of its own, so it begins with another token.
 * I3  The lease is given back when `lead()` has ended, never earlier. One whose `lead()` does not end runs out by itself.
 * I4  An answer to an earlier question takes nothing away that a later one has given.
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
  /** Absent: nobody else is there, and this replica leads at once. */
  readonly transport: Transport | undefined
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
}

/** A question without an answer is asked again after this part of the time between two that have one. */
const RETRY = 0.2

interface Term {
  readonly id: string
  leading: { readonly token: number; readonly abort: AbortController; readonly ended: Promise<void> } | undefined
  /** When the question was put whose answer holds. */
  grantedAt: number
  expiry: NodeJS.Timeout | undefined
}

export class Leadership {
  readonly #options: LeadershipOptions
  #term: Term | undefined
  readonly #subscriptions: Subscription[] = []
  /** Of this process: answers to another one of the same replica do not come here. */
  readonly #inbox: string
  #timer: NodeJS.Timeout | undefined
  #leaseMs = LEASE_MS
  #isStopped = false
  /** Ends of what was led before. */
  #ended: Promise<void> = Promise.resolve()

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#inbox = `${options.transport?.inbox ?? ''}.lead.${newId()}`
  }

  /** From now on this replica may lead. */
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

  /** Leads no more; resolves when `lead()` has ended and the lease was given back. */
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
    // A token of the clock is greater than those of the processes before this one.
    if (this.#options.transport === undefined) this.#lead(term, Date.now())
    else this.#ask()
  }

  #ask(): void {
    const term = this.#term
    if (term === undefined || this.#isStopped || term.leading?.abort.signal.aborted === true) return
    this.#askIn(this.#leaseMs * LEASE_RENEWAL * RETRY)
    this.#say('ask', term)
  }

  /** Spread, so that replicas that were started together do not ask together. */
  #askIn(delayMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = setTimeout(() => this.#ask(), delayMs * (0.8 + 0.2 * Math.random()))
    this.#timer.unref() // waiting for leadership is no work
  }

  #say(kind: LeaderRequest['kind'], term: Term): void {
    const { transport, deploymentId, component, replica, log } = this.#options
    if (transport?.isConnected !== true) return // asked again at the reconnect; a lease that is not given back runs out
    const request: LeaderRequest = { kind, component, replica, term: term.id, askedAt: performance.now() }
    try {
      transport.publish(leaderSubject(deploymentId, component), encodeLeader(request), `${this.#inbox}.${term.id}`)
    } catch (error) {
      log.warn('the deployer was not notified of the leadership; it is notified again', { component, err: error })
    }
  }

  #onAnswer(subject: string, answer: LeaderAnswer | undefined): void {
    const term = this.#term
    if (answer === undefined || term === undefined || subject !== `${this.#inbox}.${term.id}`) return // of an earlier term
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
