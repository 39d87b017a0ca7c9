import { controlAllSubject, inboxPrefix, type ControlReply, type WeaveletStatus } from '@weaver/sdk/contract'
import type { VersionIdentity } from './broker.js'
import { connectBroker, type BrokerConnection } from './nats-connection.js'

const IDLE_MS = 30_000

/** Asks the weavelets of versions for their state, over one connection per version that is closed when nobody asked for a while. */
export class WeaveletAsker {
  readonly #servers: readonly string[]
  readonly #credsOf: (identity: VersionIdentity) => Promise<string | undefined>
  readonly #open = new Map<string, { readonly connection: Promise<BrokerConnection>; idle: NodeJS.Timeout }>()

  constructor(servers: readonly string[], credsOf: (identity: VersionIdentity) => Promise<string | undefined>) {
    this.#servers = servers
    this.#credsOf = credsOf
  }

  async ask(
    identity: VersionIdentity,
    options: { readonly expect: number; readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<readonly WeaveletStatus[]> {
    if (options.expect === 0) return []
    const connection = await this.#connect(identity)
    const answers = await connection.ask(controlAllSubject(identity.deploymentId), JSON.stringify({ kind: 'status' }), {
      reply: inboxPrefix(identity.deploymentId, '_operator'),
      expect: options.expect,
      waitMs: options.waitMs ?? 1_000,
      signal: options.signal,
    })
    return answers.map((text) => JSON.parse(text) as ControlReply).filter((reply) => reply.kind === 'status')
  }

  async forget(identity: VersionIdentity): Promise<void> {
    const found = this.#open.get(identity.deploymentId)
    if (found === undefined) return
    this.#open.delete(identity.deploymentId)
    clearTimeout(found.idle)
    const connection = await found.connection.catch(() => undefined)
    await connection?.close()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((deploymentId) => this.forget({ deploymentId, appUid: '', versionId: '' })))
  }

  async #connect(identity: VersionIdentity): Promise<BrokerConnection> {
    const key = identity.deploymentId
    const known = this.#open.get(key)
    if (known !== undefined) {
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
    const idle = setTimeout(() => void this.forget(identity), IDLE_MS)
    idle.unref()
    this.#open.set(key, { connection, idle })
    return connection
  }
}
