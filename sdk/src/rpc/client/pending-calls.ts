/**
 * The calls that wait for an answer, by number. A successful call creates no Error, timer or signal
 * of its own.
 *
 * I1  A pending call is settled exactly once, by whatever takes it: its answer, the broker's "no
 *     responders", its deadline, its caller's signal, the loss of the connection, or the loss of
 *     the replica that has it.
 */
import { IdleWait } from '../../context/idle.js'
import { NumberedCalls } from '../wire/numbered-calls.js'
import { abandoned, deadlineError, failure } from '../../errors/remote-call-error.js'
import type { CancelNotices } from './cancel-notices.js'
import type { PendingCall, PendingCallOwner, SentMessage, Target } from './pending-call.js'
import { ReplySlots } from './reply-slots.js'
import type { Sweep } from './sweep.js'

export class PendingCalls implements PendingCallOwner {
  readonly #calls = new NumberedCalls<PendingCall>()
  readonly #slots: ReplySlots<SentMessage>
  readonly #sweep: Sweep
  readonly #cancels: CancelNotices
  #next = 0
  #queued = 0
  readonly #idle = new IdleWait()

  /** @param replyPrefix of the reply subjects, including its dot */
  constructor(replyPrefix: string, { sweep, cancels }: { readonly sweep: Sweep; readonly cancels: CancelNotices }) {
    this.#slots = new ReplySlots(replyPrefix)
    this.#sweep = sweep
    this.#cancels = cancels
    sweep.add((now) => this.#expire(now))
  }

  /** Number of calls without an answer, including those not sent yet. */
  get size(): number {
    return this.#calls.size + this.#queued
  }

  values(): readonly PendingCall[] {
    return this.#calls.values()
  }

  get(id: number): PendingCall | undefined {
    return this.#calls.get(id)
  }

  /** Returns the number for the next call. */
  number(): number {
    return (this.#next = (this.#next + 1) >>> 0 || 1)
  }

  add(call: PendingCall): void {
    this.#calls.add(call)
    call.target.waiting++
    call.attempt.now.cancellation?.add(call)
    this.#sweep.begin()
  }

  /**
   * Counts a call to this target that waits to be sent.
   * @returns a function to call once, when it no longer waits
   */
  queue(target: Target): () => void {
    this.#queued++
    target.waiting++
    return () => {
      this.#queued--
      target.waiting--
    }
  }

  /** I1. @returns false if it was already settled */
  take(call: PendingCall, isAnswered: boolean): boolean {
    if (call.isSettled) return false
    call.isSettled = true
    this.#calls.delete(call)
    call.target.waiting--
    call.attempt.now.cancellation?.remove(call)
    if (this.#calls.size === 0) this.#idle.notify()
    const { message } = call
    if (message === undefined) return true
    message.isAnswered &&= isAnswered
    if (--message.left === 0) this.#slots.release(message.slot, message.isAnswered)
    return true
  }

  /** @returns the reply subject of the message with these calls */
  send(calls: readonly PendingCall[]): string {
    const message: SentMessage = { calls, slot: 0, left: calls.length, isAnswered: true }
    message.slot = this.#slots.take(message)
    for (const call of calls) call.message = message
    return this.#slots.subject(message.slot)
  }

  replySubject(message: SentMessage): string {
    return this.#slots.subject(message.slot)
  }

  /** The calls of the message that currently has this reply subject. */
  ofReply(subject: string): readonly PendingCall[] {
    return this.#slots.user(subject)?.calls ?? []
  }

  /** The callee knows the deadline: it is not notified. */
  expire(call: PendingCall): void {
    if (this.take(call, false)) call.reject(deadlineError(call.what, { isSent: true }))
  }

  onCancelled(call: PendingCall, reason: unknown): void {
    if (!this.take(call, false)) return
    const isSent = call.message !== undefined
    call.reject(abandoned(reason, call.what, isSent))
    if (isSent) this.#cancels.send(call)
  }

  onCalleeLost(call: PendingCall, why: string): void {
    if (this.take(call, false)) call.reject(failure('WEAVER_RPC_PEER_LOST', `${call.what} will not be answered: ${why}`, true))
  }

  /** Resolves when no call waits for an answer, including calls that are made meanwhile. */
  whenNoneWaits(): Promise<void> {
    return this.#idle.until(this.#calls.size === 0)
  }

  /** The broker is gone, and with it every answer. */
  disconnect(): void {
    for (const call of this.#calls.values()) {
      const message = `${call.what}: the connection to the broker was lost before the answer came`
      if (this.take(call, false)) call.reject(failure('WEAVER_RPC_DISCONNECTED', message, call.message !== undefined))
    }
  }

  /** @returns whether there are calls whose deadlines have not passed */
  #expire(now: number): boolean {
    for (const call of this.#calls.values()) if (call.deadline <= now) this.expire(call)
    return this.#calls.size > 0
  }
}
