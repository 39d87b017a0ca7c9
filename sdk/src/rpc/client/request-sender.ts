/**
 * Sends requests to the broker: messages with calls, and large requests, which are offered to a
 * replica before their parts are sent. If a request cannot be sent, its calls are rejected.
 */
import type { Writer } from '../../codec/writer.js'
import { callSubject, replicaCallSubject } from '../../contract/subjects.js'
import { failure } from '../../errors/remote-call-error.js'
import type { Transport } from '../transport/transport.js'
import { sendParts, writeOffer } from '../wire/parts.js'
import type { PendingCall } from './pending-call.js'
import type { PendingCalls } from './pending-calls.js'

export interface RequestSenderOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: Uint8Array
}

export class RequestSender {
  readonly #options: RequestSenderOptions
  readonly #pending: PendingCalls
  readonly #writer: Writer

  /** @param writer shared: not used by others between two of its frames */
  constructor(options: RequestSenderOptions, { pending, writer }: { readonly pending: PendingCalls; readonly writer: Writer }) {
    this.#options = options
    this.#pending = pending
    this.#writer = writer
  }

  /** @param replica `undefined` for any */
  subjectOf(component: string, replica: string | undefined): string {
    const { deploymentId } = this.#options
    return replica === undefined ? callSubject(deploymentId, component) : replicaCallSubject(deploymentId, component, replica)
  }

  /** Sends calls as one message. */
  publish(subject: string, bytes: Uint8Array, calls: readonly PendingCall[]): void {
    const { transport } = this.#options
    try {
      if (!transport.takesCalls) throw failure('WEAVER_RPC_DISCONNECTED', 'there is no connection to the broker at the moment', false)
      transport.publish(subject, bytes, this.#pending.send(calls))
    } catch (error) {
      for (const call of calls) if (this.#pending.take(call, true)) call.reject(error as Error) // a transport throws errors
    }
  }

  /** Asks a replica to accept a request in parts. */
  offer(call: PendingCall, large: Uint8Array): void {
    const { fingerprint, replica } = this.#options
    const offer = writeOffer(this.#writer, { call: call.id, fingerprint, total: large.length, caller: replica })
    this.publish(this.subjectOf(call.target.component, call.attempt.owner), offer, [call])
  }

  /** That replica has accepted the request. */
  async onAccepted(call: PendingCall, by: string): Promise<void> {
    const { id, large, message } = call
    if (message === undefined || large === undefined) return // nothing was offered
    call.holder = by
    const { replica, transport } = this.#options
    const subject = this.subjectOf(call.target.component, by)
    const reply = this.#pending.replySubject(message)
    try {
      await sendParts(
        { call: id, sender: replica, bytes: large, maxPayloadBytes: transport.maxPayloadBytes },
        {
          writer: this.#writer,
          publish: (part) => transport.publish(subject, part, reply),
          isWanted: () => !call.isSettled,
        },
      )
      call.onSent?.()
    } catch (error) {
      if (this.#pending.take(call, false)) call.reject(error as Error) // a transport throws errors
    }
  }
}
