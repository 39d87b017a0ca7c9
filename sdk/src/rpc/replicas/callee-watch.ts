/**
 * Finds calls that will not be answered any more. A broker does not report a replica that dies with
 * calls in hand, and a caller does not know which replica took its call; so it asks about slow
 * calls, and only about them.
 *
 * I1  A call is lost when the replica that has it is gone, or no longer has it; or when every known
 *     replica is gone or says that it does not have it; or when there are no responders. A silent
 *     replica may be busy: as long as one is, or as long as none is known, a call that might be
 *     there continues to its deadline.
 * I2  No replica gets a call before its callers know it: it announces itself before it subscribes.
 *     A later caller asks which replicas are present, and those that answer also name those that
 *     are too busy to (replica-roster.ts).
 * I3  New calls skip the owner of a key that is silent for a second and a half; after three
 *     heartbeats, it loses the calls that it has: a frozen process must not hold a part of the
 *     keys. Routing is for caches; any other replica will do.
 * I4  A replica that still runs calls answers, though it accepts no new ones.
 * I5  A replica that is absent is gone. Shortly after a server of the broker has gone, it is gone
 *     only if it is still absent after the time that a replica may take to move to another server
 *     (broker-move.ts). Until then a call that it has, or may have, continues.
 */
import type { Writer } from '../../codec/writer.js'
import { HEARTBEAT_MS, MISSED_HEARTBEATS } from '../../contract/routing.js'
import { arrivalSubject, everyReplicaSubject, replicaQuerySubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import { CROSSING_MS } from '../transport/broker-move.js'
import { KIND, readCalls, readKind, readNames, writeCalls, writeNames } from '../wire/frame.js'
import type { IncomingMessage, Transport } from '../transport/transport.js'
import type { WatchedCall } from './watched-call.js'

/** Calls are watched from this age on. */
const WATCHED_MS = 250
/** Scan interval. */
const LOOK_MS = 100
/** Interval at which a replica is asked whether it still has a call. */
const HOLDER_MS = 500
/** An owner of keys that is silent for this long is skipped. */
const PASSED_OVER_MS = 1_500
/** A moving replica is gone when absent for longer: its crossing, and until the broker knows it. */
const GONE_MS = CROSSING_MS + 500
/** A miss without another one for this long belonged to an earlier move. */
const FORGIVEN_MS = 5 * GONE_MS
const FROZEN_MS = HEARTBEAT_MS * MISSED_HEARTBEATS
/** Number of the first present replicas that are asked which others they know. */
const ROSTERS = 3
/** A caller without any replica asks again: a broker may not have known the subscribers yet. */
const MEET_AGAIN_MS = 1_000
/** Interval at which all replicas are asked who has a call: first, and at most. */
const SEARCH_MS = { first: 250, most: 2_000 } as const

export interface CalleeWatchOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  /** Prefix of the subjects for answers, including its dot; the watch subscribes to it. */
  readonly inbox: string
  readonly log: Logger
  /** Silence of a key's owner until its calls are lost, in milliseconds. @default 24000 */
  readonly frozenMs?: number | undefined
}

/** What is known about the replicas of one component. */
interface Callees {
  readonly component: string
  readonly known: Set<string>
  /** Called when the first one is known. */
  readonly expectants: Set<() => void>
  search: Search | undefined
  /** Where answers to "who is present?" go; they may be late. */
  meeting: string | undefined
  /** By replica: when it may be asked again about its calls, in epoch milliseconds. */
  readonly nextAsk: Map<string, number>
  /** By replica that has calls and was asked: since when it is silent, epoch milliseconds. */
  readonly silentSince: Map<string, number>
  /** By replica that may be moving: when it was first found absent, epoch milliseconds. */
  readonly missedAt: Map<string, number>
  nextSearchAt: number
  searchMs: number
}

/** A question to all replicas: who has these calls? */
interface Search {
  calls: readonly WatchedCall[]
  readonly at: number
  /** Replicas that have answered, or are gone. */
  readonly settled: Set<string>
  /** Whether those that did not answer the question to all have been asked one by one. */
  isPointed: boolean
  /** The broker's report: there are no responders. */
  isDeserted: boolean
}

export class CalleeWatch {
  readonly #options: CalleeWatchOptions
  readonly #writer: Writer
  readonly #callees = new Map<string, Callees>()
  readonly #waiting = new Map<string, (message: IncomingMessage) => void>()
  #next = 0
  #lookAt = 0

  /** @param writer shared: not used by others between two of its frames */
  constructor(options: CalleeWatchOptions, writer: Writer) {
    this.#options = options
    this.#writer = writer
    options.transport.subscribe(`${options.inbox}*`, (message) => this.#waiting.get(message.subject)?.(message))
    options.transport.onConnection((isConnected) => this.#onConnection(isConnected))
  }

  /** Called when this process starts to call the component. */
  add(component: string): void {
    if (this.#callees.has(component)) return
    const callees: Callees = {
      component,
      known: new Set(),
      expectants: new Set(),
      search: undefined,
      meeting: undefined,
      nextAsk: new Map(),
      silentSince: new Map(),
      missedAt: new Map(),
      nextSearchAt: 0,
      searchMs: SEARCH_MS.first,
    }
    this.#callees.set(component, callees)
    const { transport, deploymentId } = this.#options
    transport.subscribe(arrivalSubject(deploymentId, component), ({ data }) => {
      const { kind, reader } = readKind(data)
      if (kind === KIND.here) this.#learn(callees, reader.string())
      else if (kind === KIND.left) this.#forget(callees, reader.string())
    })
    this.#meet(callees)
  }

  /**
   * Resolves when a replica of the component has announced itself.
   * @throws the signal's reason when it aborts
   */
  async whenKnown(component: string, signal: AbortSignal): Promise<void> {
    this.add(component)
    const callees = this.#callees.get(component) as Callees // just added
    if (callees.known.size > 0) return
    const again = setInterval(() => this.#meet(callees), MEET_AGAIN_MS)
    let end = (): void => undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error) // an aborted signal has one
        if (signal.aborted) return onAbort()
        signal.addEventListener('abort', onAbort)
        callees.expectants.add(resolve)
        end = () => {
          signal.removeEventListener('abort', onAbort)
          callees.expectants.delete(resolve)
        }
      })
    } finally {
      clearInterval(again)
      end()
    }
  }

  /** Whether it is time for the next scan. @param now milliseconds by the process clock */
  isDue(now: number): boolean {
    return now >= this.#lookAt
  }

  /**
   * @param pending all calls in flight
   * @param now milliseconds by the process clock
   */
  look(pending: readonly Iterable<WatchedCall>[], now: number): void {
    this.#lookAt = now + LOOK_MS
    if (!this.#options.transport.isConnected) return // the loss of the connection has settled them
    const held = new Map<Callees, Map<string, WatchedCall[]>>()
    const sought = new Map<Callees, WatchedCall[]>()
    for (const calls of pending)
      for (const call of calls) {
        if (now - call.sentAt < WATCHED_MS) continue
        const callees = this.#callees.get(call.target.component)
        if (callees === undefined) continue
        if (call.holder === undefined) pushTo(sought, callees, call)
        else pushTo(mapIn(held, callees), call.holder, call)
      }
    for (const callees of this.#callees.values())
      for (const times of [callees.silentSince, callees.missedAt])
        for (const replica of times.keys()) {
          const isAsked = held.get(callees)?.has(replica) === true || (times === callees.missedAt && sought.has(callees))
          if (!isAsked) times.delete(replica)
        }
    for (const [callees, byReplica] of held)
      for (const [replica, calls] of byReplica) {
        if (now < (callees.nextAsk.get(replica) ?? 0)) continue
        callees.nextAsk.set(replica, now + HOLDER_MS)
        this.#onSilence(callees, replica, { calls, now })
        this.#askHolder(callees, replica, { calls, now })
      }
    for (const callees of this.#callees.values()) this.#seek(callees, sought.get(callees) ?? [], now)
  }

  /** I3 */
  #onSilence(callees: Callees, replica: string, { calls, now }: { readonly calls: readonly WatchedCall[]; readonly now: number }): void {
    const since = callees.silentSince.get(replica) ?? now
    callees.silentSince.set(replica, since)
    const silentMs = now - since
    if (silentMs < PASSED_OVER_MS) return
    const { frozenMs = FROZEN_MS } = this.#options
    for (const call of calls) {
      call.target.route?.onUnreachable(replica)
      if (call.target.route !== undefined && silentMs >= frozenMs)
        call.onCalleeLost(`"${replica}", which has it, has said nothing for ${Math.round(silentMs / 1_000)} s`)
    }
  }

  #askHolder(callees: Callees, replica: string, { calls, now }: { readonly calls: readonly WatchedCall[]; readonly now: number }): void {
    this.#ask({ subject: this.#querySubject(callees, replica), calls }, (answer) => {
      callees.silentSince.delete(replica)
      if (answer === undefined) return this.#mayReturn(callees, replica, now) || this.#onGone(callees, replica, calls)
      callees.missedAt.delete(replica)
      const held = new Set(answer.calls)
      for (const call of calls) if (!held.has(call.id)) call.onCalleeLost(`"${replica}" no longer has it: its answer was lost`)
      return true
    })
  }

  /** I5 @param askedAt when the question was sent that found it absent */
  #mayReturn({ missedAt }: Callees, replica: string, askedAt: number): boolean {
    const sinceFirst = askedAt - (missedAt.get(replica) ?? -Infinity)
    if (sinceFirst < FORGIVEN_MS) return sinceFirst <= GONE_MS
    if (askedAt >= this.#options.transport.unsettledUntil) return false
    missedAt.set(replica, askedAt)
    return true
  }

  #learn(callees: Callees, replica: string): void {
    callees.known.add(replica)
    for (const tell of callees.expectants) tell()
  }

  #forget(callees: Callees, replica: string): void {
    callees.known.delete(replica)
    callees.nextAsk.delete(replica)
    callees.missedAt.delete(replica)
  }

  #onGone(callees: Callees, replica: string, calls: readonly WatchedCall[]): true {
    this.#forget(callees, replica)
    for (const call of calls) call.onCalleeLost(`the replica "${replica}", which had it, is gone`)
    return true
  }

  #seek(callees: Callees, calls: readonly WatchedCall[], now: number): void {
    if (calls.length === 0) {
      callees.search = undefined
      callees.searchMs = SEARCH_MS.first
      return
    }
    const { search } = callees
    if (search !== undefined && !search.isPointed && now - search.at >= LOOK_MS) this.#point(callees, search, now)
    if (now < callees.nextSearchAt) return
    callees.nextSearchAt = now + callees.searchMs
    callees.searchMs = Math.min(SEARCH_MS.most, callees.searchMs * 2)
    this.#search(callees, calls, now)
  }

  #search(callees: Callees, calls: readonly WatchedCall[], now: number): void {
    const search: Search = { calls, at: now, settled: new Set(), isPointed: false, isDeserted: false }
    callees.search = search
    this.#ask({ subject: everyReplicaSubject(this.#options.deploymentId, callees.component), calls }, (answer) => {
      if (callees.search !== search) return true
      if (answer === undefined) {
        for (const replica of callees.known) if (!this.#mayReturn(callees, replica, now)) this.#forget(callees, replica)
        search.isPointed = search.isDeserted = callees.known.size === 0
      } else this.#onAnswer(callees, search, answer)
      this.#judge(callees, search)
      return answer === undefined
    })
  }

  /** Asks those that have not answered one by one: if a replica is gone, the broker says so. */
  #point(callees: Callees, search: Search, now: number): void {
    search.isPointed = true
    for (const replica of callees.known) {
      if (search.settled.has(replica)) continue
      this.#ask({ subject: this.#querySubject(callees, replica), calls: search.calls }, (answer) => {
        if (answer !== undefined) {
          callees.missedAt.delete(replica)
          this.#onAnswer(callees, search, answer)
        } else if (!this.#mayReturn(callees, replica, now)) this.#forget(callees, replica)
        this.#judge(callees, search)
        return true
      })
    }
    this.#judge(callees, search)
  }

  #onAnswer(callees: Callees, search: Search, { replica, calls }: { readonly replica: string; readonly calls: readonly number[] }): void {
    this.#learn(callees, replica)
    search.settled.add(replica)
    const held = new Set(calls)
    for (const call of search.calls) if (held.has(call.id)) call.holder = replica
  }

  /** I1 */
  #judge(callees: Callees, search: Search): void {
    if (!search.isPointed || callees.search !== search) return
    if (callees.known.size === 0 && !search.isDeserted) return
    for (const replica of callees.known) if (!search.settled.has(replica)) return
    callees.search = undefined
    for (const call of search.calls) if (call.holder === undefined) call.onCalleeLost('no replica has it: the one that took it is gone')
  }

  /** Asks which replicas are present. A busy one answers when it has time. */
  #meet(callees: Callees): void {
    if (callees.meeting !== undefined) this.#waiting.delete(callees.meeting)
    let rosters = ROSTERS
    const subject = everyReplicaSubject(this.#options.deploymentId, callees.component)
    callees.meeting = this.#ask({ subject, calls: [], isKept: true }, (answer) => {
      if (answer === undefined) return true
      this.#learn(callees, answer.replica)
      if (rosters-- > 0) this.#askRoster(callees, answer.replica)
      return false
    })
  }

  #askRoster(callees: Callees, replica: string): void {
    const frame = writeNames(this.#writer, KIND.roster, { replica: this.#options.replica, names: [] })
    this.#request({ subject: this.#querySubject(callees, replica), frame }, ({ data }) => {
      const { kind, reader } = readKind(data)
      if (kind === KIND.roster) for (const name of readNames(reader).names) callees.known.add(name)
      return true
    })
  }

  /**
   * @param onAnswer receives each answer, or `undefined` when there are no responders; returns true
   * if no other answer is expected
   * @returns the subject for answers
   */
  #ask(
    question: { readonly subject: string; readonly calls: readonly WatchedCall[]; readonly isKept?: boolean },
    onAnswer: (answer: { readonly replica: string; readonly calls: readonly number[] } | undefined) => boolean,
  ): string {
    const { subject, calls, isKept } = question
    const frame = writeCalls(this.#writer, KIND.ask, { replica: this.#options.replica, calls: calls.map(({ id }) => id) })
    return this.#request({ subject, frame, isKept }, (message) => {
      if (message.isNoResponders) return onAnswer(undefined)
      const { kind, reader } = readKind(message.data)
      return kind === KIND.holds && onAnswer(readCalls(reader))
    })
  }

  /**
   * @param onMessage returns true if no other message is expected. With `isKept`, messages are
   * accepted without a time limit.
   * @returns the subject for them
   */
  #request(
    question: { readonly subject: string; readonly frame: Uint8Array; readonly isKept?: boolean | undefined },
    onMessage: (message: IncomingMessage) => boolean,
  ): string {
    const { transport, inbox, log } = this.#options
    const { subject, frame, isKept } = question
    const reply = `${inbox}${(this.#next = (this.#next + 1) >>> 0).toString(36)}`
    const forget = (): void => {
      clearTimeout(timer)
      this.#waiting.delete(reply)
    }
    const timer = isKept === true ? undefined : setTimeout(forget, SEARCH_MS.most).unref()
    this.#waiting.set(reply, (message) => {
      if (onMessage(message) || message.isNoResponders) forget()
    })
    try {
      transport.publish(subject, frame, reply)
    } catch (error) {
      forget()
      log.debug('replicas could not be asked about calls', { subject, err: error })
    }
    return reply
  }

  #querySubject({ component }: Callees, replica: string): string {
    return replicaQuerySubject(this.#options.deploymentId, component, replica)
  }

  #onConnection(isConnected: boolean): void {
    if (!isConnected) return
    // Replicas that came meanwhile were missed.
    for (const callees of this.#callees.values()) this.#meet(callees)
  }
}

function pushTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

function mapIn<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let found = maps.get(key)
  if (found === undefined) maps.set(key, (found = new Map<L, V>()))
  return found
}
