/**
 * The operator's connections to the broker. No other file of the operator imports the client
 * library.
 */
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node'
import type { ControllerPort } from '@weaver/deployer'
import { reasonOf } from '@weaver/sdk/contract'
import { answerOf } from '@weaver/sdk/internal'
import { operatorError } from '../errors/catalogue.js'

export interface BrokerConnection extends ControllerPort {
  readonly isClosed: boolean
  /** Largest message in bytes. */
  readonly maxPayloadBytes: number
  /**
   * Resolves when it is closed for good: by `close`, or because the broker is gone or refuses it.
   */
  readonly closed: Promise<void>
  /**
   * Resolves when its server is about to stop (lame duck mode): in some seconds the server closes
   * the connection.
   */
  readonly leaving: Promise<void>
  /** Sends nothing while the connection is down: it would arrive at the reconnect, much later. */
  publish(subject: string, data: Uint8Array, reply?: string): void
  /**
   * Asks all subscribers and collects answers until `isEnough` or until `waitMs` is over. The
   * broker's own "no responders" is not an answer. Rejects with `signal.reason` when aborted.
   * @throws WeaverError `WEAVER_BROKER_NOT_CONNECTED` at once while the connection is down: what is
   * sent then would go out at the reconnect, much later;
   *   `WEAVER_BROKER_REFUSED` when the broker does not let this user listen for answers.
   */
  ask(
    subject: string,
    body: string,
    options: {
      readonly reply: string
      /** Called with each answer, once; true: no more are awaited. */
      readonly isEnough: (answer: string) => boolean
      readonly waitMs: number
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<readonly string[]>
  onReconnect(listener: () => void): void
  /**
   * Resolves when the server has processed what was sent, subscriptions included. Rejects when the
   * connection is lost before.
   */
  flush(): Promise<void>
  close(): Promise<void>
}

/** @throws WeaverError `WEAVER_BROKER_CONNECT`. */
export async function connectBroker(options: {
  readonly servers: readonly string[]
  readonly creds: string | undefined
  readonly name: string
  readonly keepsTrying: boolean
  /** A subscription was refused. */
  readonly onError?: (error: Error) => void
}): Promise<BrokerConnection> {
  const { creds } = options
  let nc: NatsConnection
  try {
    nc = await connect({
      servers: [...options.servers],
      name: options.name,
      ...(creds === undefined ? {} : { authenticator: (nonce?: string) => answerOf(creds, nonce) }),
      timeout: 3_000,
      reconnectTimeWait: 200,
      reconnectJitter: 100,
      maxReconnectAttempts: options.keepsTrying ? -1 : 20,
      ignoreAuthErrorAbort: options.keepsTrying,
      waitOnFirstConnect: options.keepsTrying,
      pingInterval: 10_000,
    })
  } catch (cause) {
    throw operatorError('WEAVER_BROKER_CONNECT', `no connection to the broker at ${options.servers.join(', ')}: ${reasonOf(cause)}`, {
      cause,
    })
  }
  const listeners = new Set<() => void>()
  let isUp = true
  let markLeaving = (): void => undefined
  const leaving = new Promise<void>((resolve) => (markLeaving = resolve))
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'ldm') markLeaving()
      if (status.type === 'disconnect') isUp = false
      if (status.type !== 'reconnect') continue
      isUp = true
      for (const listener of listeners) listener()
    }
  })()
  let next = 0
  return {
    get isClosed() {
      return nc.isClosed()
    },
    get maxPayloadBytes() {
      return nc.info?.max_payload ?? 1_048_576
    },
    closed: nc.closed().then(() => undefined),
    leaving,
    publish(subject, data, reply) {
      if (isUp && !nc.isClosed()) nc.publish(subject, data, reply === undefined ? {} : { reply })
    },
    subscribe(subject, handler) {
      return nc.subscribe(subject, {
        callback(error: Error | null, message: Msg) {
          if (error !== null) options.onError?.(error)
          else handler({ data: message.data, reply: message.reply === '' ? undefined : message.reply })
        },
      })
    },
    async ask(subject, body, { reply, isEnough, waitMs, signal }) {
      signal?.throwIfAborted()
      if (!isUp || nc.isClosed())
        throw operatorError(
          'WEAVER_BROKER_NOT_CONNECTED',
          `no server of the broker can be reached at ${options.servers.join(', ')}; check that it runs. The operator keeps reconnecting`,
        )
      const answers: string[] = []
      const inbox = `${reply}.${(next++).toString(36)}`
      let done: () => void
      const enough = new Promise<void>((resolve) => (done = resolve))
      let refusal: Error | undefined
      const timer = setTimeout(() => done(), waitMs)
      const onAbort = (): void => done()
      signal?.addEventListener('abort', onAbort, { once: true })
      const subscription = nc.subscribe(inbox, {
        callback: (error: Error | null, message: Msg) => {
          if (error !== null) {
            refusal = error
            return done()
          }
          if (message.data.length === 0) return void (message.headers?.code === 503 && done())
          const answer = new TextDecoder().decode(message.data)
          answers.push(answer)
          if (isEnough(answer)) done()
        },
      })
      try {
        nc.publish(subject, body, { reply: inbox })
        await enough
        signal?.throwIfAborted()
        if (refusal !== undefined)
          throw operatorError(
            'WEAVER_BROKER_REFUSED',
            `the broker does not let the operator listen on "${inbox}": ${refusal.message}. Its credentials need to publish and subscribe to "wv.>"`,
            { cause: refusal },
          )
        return answers
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        subscription.unsubscribe()
      }
    },
    onReconnect: (listener) => void listeners.add(listener),
    flush: () => nc.flush(),
    async close() {
      if (!nc.isClosed()) await nc.close()
    },
  }
}
