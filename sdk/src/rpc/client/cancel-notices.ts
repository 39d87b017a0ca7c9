import type { Writer } from '../../codec/writer.js'
import { everyReplicaSubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import type { Transport } from '../transport/transport.js'
import { FRAME_VERSION, KIND } from '../wire/frame.js'
import type { PendingCall } from './pending-call.js'

export interface CancelNoticesOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
}

/**
 * Notifies callees that the caller of a call has gone. Best effort: the replica that has the call
 * aborts its signal, others ignore the notice.
 */
export class CancelNotices {
  readonly #options: CancelNoticesOptions
  readonly #writer: Writer

  /** @param writer shared: not used by others between two of its frames */
  constructor(options: CancelNoticesOptions, writer: Writer) {
    this.#options = options
    this.#writer = writer
  }

  send({ id, target: { component } }: PendingCall): void {
    const { transport, deploymentId, replica, log } = this.#options
    if (!transport.isConnected) return
    const w = this.#writer
    w.u8(FRAME_VERSION)
    w.u8(KIND.cancel)
    w.u32(id)
    w.string(replica)
    try {
      transport.publish(everyReplicaSubject(deploymentId, component), w.finish())
    } catch (error) {
      log.warn('a callee was not notified that its caller has gone; it runs on', { component, err: error })
    }
  }
}
