/** Asking one weavelet, whatever it is reached by. */
import { controlSubject, deployerInboxPrefix, type ControlReply, type ControlRequest } from '@weaver/sdk/contract'
import type { ControllerPort } from './controller-port.js'
import { controlReplyReader } from './control-reply-reader.js'

export interface AskOptions {
  /** How long an answer is awaited, in milliseconds. @default 1000 */
  readonly timeoutMs?: number
  /** The largest answer that is read, unpacked. @default 512 MiB */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

export interface ControlChannel {
  /**
   * @returns `undefined` when the weavelet does not answer: it is not there yet, not any more, or
   * too slow
   * @throws WeaverError `WEAVER_CONTROL_INVALID` for an answer that cannot be read; `signal.reason`
   * when aborted
   */
  ask(request: ControlRequest, options?: AskOptions): Promise<ControlReply | undefined>
}

const ANSWER_MS = 1_000
let asked = 0

/** The control channel of a weavelet over the broker of its deployment. */
export function brokerControl(
  port: ControllerPort,
  { deploymentId, replica }: { readonly deploymentId: string; readonly replica: string },
): ControlChannel {
  return {
    ask: (request, { timeoutMs = ANSWER_MS, maxBytes, signal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const read = controlReplyReader(maxBytes)
        const inbox = `${deployerInboxPrefix(deploymentId, 'control')}.ask.${process.pid}-${(asked += 1)}`
        const settle = (outcome: () => void): void => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          answers.unsubscribe()
          outcome()
        }
        const onAbort = (): void => settle(() => reject(signal?.reason as Error)) // as AbortSignal has it
        const timer = setTimeout(() => settle(() => resolve(undefined)), timeoutMs)
        signal?.addEventListener('abort', onAbort)
        const answers = port.subscribe(inbox, ({ data }) => {
          if (data.length === 0) return settle(() => resolve(undefined)) // the broker's word for "no responders"
          try {
            const reply = read(data)
            if (reply !== undefined) settle(() => resolve(reply))
          } catch (error) {
            settle(() => reject(error as Error))
          }
        })
        port.publish(controlSubject(deploymentId, replica), Buffer.from(JSON.stringify(request)), inbox)
      }),
  }
}
