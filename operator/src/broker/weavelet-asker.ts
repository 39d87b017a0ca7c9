import { brokerControl } from '@weaver/deployer'
import {
  controlAllSubject,
  deployerInboxPrefix,
  type ControlReply,
  type ControlRequest,
  type WeaveletMetrics,
  type WeaveletStatus,
} from '@weaver/sdk/contract'
import type { VersionIdentity } from '../desired/version-identity.js'
import type { MetricsQuestion, WeaveletQuestion } from './broker.js'
import { connectBroker, type BrokerConnection } from './nats-connection.js'

const IDLE_MS = 30_000
/** Metrics of one weavelet: some ten kilobytes for each component. */
const METRICS = { atOnce: 8, waitMs: 5_000, maxBytes: 4 * 1024 * 1024 } as const
/** Of the time for all of them, what one may take that does not answer. */
const SHARE = 0.4

/**
 * Asks the weavelets of versions for their state and their metrics, over one connection per version, which is closed
 * after a while without a question.
 */
export class WeaveletAsker {
  readonly #servers: readonly string[]
  readonly #credsOf: (identity: VersionIdentity) => Promise<string | undefined>
  readonly #open = new Map<string, { readonly connection: Promise<BrokerConnection>; idle: NodeJS.Timeout }>()

  constructor(servers: readonly string[], credsOf: (identity: VersionIdentity) => Promise<string | undefined>) {
    this.#servers = servers
    this.#credsOf = credsOf
  }

  async ask(identity: VersionIdentity, options: WeaveletQuestion): Promise<readonly WeaveletStatus[]> {
    if (options.expect.length === 0) return []
    const awaited = new Set(options.expect)
    const connection = await this.#connect(identity)
    const request: ControlRequest = { kind: 'status', ...(options.goodbye === true ? { goodbye: true } : {}) }
    const answers = await connection.ask(controlAllSubject(identity.deploymentId), JSON.stringify(request), {
      reply: deployerInboxPrefix(identity.deploymentId, 'operator'),
      isEnough: (answer) => {
        awaited.delete(replicaOf(answer))
        return awaited.size === 0
      },
      waitMs: options.waitMs ?? 1_000,
      signal: options.signal,
    })
    return answers.map(parseReply).filter((reply) => reply?.kind === 'status')
  }

  async metrics(identity: VersionIdentity, { replicas, waitMs = METRICS.waitMs }: MetricsQuestion): Promise<readonly WeaveletMetrics[]> {
    if (replicas.length === 0) return []
    const connection = await this.#connect(identity)
    const left = [...replicas]
    const end = performance.now() + waitMs
    const found: WeaveletMetrics[] = []
    const work = async (): Promise<void> => {
      for (let replica = left.shift(); replica !== undefined; replica = left.shift()) {
        const timeoutMs = Math.min(waitMs * SHARE, end - performance.now())
        if (timeoutMs <= 0) return
        const control = brokerControl(connection, { deploymentId: identity.deploymentId, replica })
        const reply = await control.ask({ kind: 'metrics' }, { timeoutMs, maxBytes: METRICS.maxBytes }).catch(() => undefined) // it cannot be read
        // The name is the one that was asked: a weavelet may say what it likes.
        if (reply?.kind === 'metrics') found.push({ ...reply, replica })
      }
    }
    await Promise.all(Array.from({ length: Math.min(METRICS.atOnce, left.length) }, work))
    return found
  }

  forget(identity: VersionIdentity): Promise<void> {
    return this.#drop(keyOf(identity))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.#drop(key)))
  }

  async #drop(key: string): Promise<void> {
    const found = this.#open.get(key)
    if (found === undefined) return
    this.#open.delete(key)
    clearTimeout(found.idle)
    const connection = await found.connection.catch(() => undefined)
    await connection?.close()
  }

  async #connect(identity: VersionIdentity): Promise<BrokerConnection> {
    const key = keyOf(identity)
    // Several callers may wait here for one that fails; the first to continue opens the next
    // connection, for all.
    for (let known = this.#open.get(key); known !== undefined; known = this.#open.get(key)) {
      const connection = await known.connection.catch(() => undefined)
      if (connection !== undefined && !connection.isClosed) {
        known.idle.refresh()
        return connection
      }
      if (this.#open.get(key) === known) this.#open.delete(key)
      clearTimeout(known.idle)
    }
    const connection = this.#credsOf(identity).then((creds) =>
      connectBroker({ servers: this.#servers, creds, name: 'weaver-operator', keepsTrying: false }),
    )
    const idle = setTimeout(() => void this.#drop(key), IDLE_MS)
    idle.unref()
    this.#open.set(key, { connection, idle })
    return connection
  }
}

/** `undefined` for anything that is not JSON: any client in the account may answer. */
function parseReply(text: string): ControlReply | undefined {
  try {
    return JSON.parse(text) as ControlReply
  } catch {
    return undefined
  }
}

function replicaOf(text: string): string {
  const reply = parseReply(text)
  return reply?.kind === 'status' ? reply.replica : ''
}

function keyOf(identity: VersionIdentity): string {
  return `${identity.appUid}/${identity.deploymentId}`
}
