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
    // Several may wait here for one that fails; the first of them that goes on makes the next connection, for all.
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

/** Deployments of two namespaces may have one id. */
function keyOf(identity: VersionIdentity): string {
  return `${identity.appUid}/${identity.deploymentId}`
}
