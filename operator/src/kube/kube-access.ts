import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { Agent } from 'undici'
import { KubeError } from './kube-error.js'

/** Credentials are asked for anew after this time, so that a rotated token file is seen. */
const CREDENTIALS_MS = 30_000
const CONNECT_TIMEOUT_MS = 5_000

/** What a request needs to get in. */
export interface Access {
  readonly agent: Agent
  readonly headers: Readonly<Record<string, string>>
}

/** What client-node fills in: a token or basic credentials as a header, certificates as options of TLS. */
interface GivenOptions {
  headers?: Record<string, string>
  ca?: unknown
  cert?: unknown
  key?: unknown
  servername?: string
  rejectUnauthorized?: boolean
}

/**
 * The way to one API server: connections and credentials of the current context. client-node reads the
 * kubeconfig and gives credentials; they are read again every half minute, and connections are replaced
 * when certificates change.
 */
export class KubeAccess {
  readonly server: string
  readonly #config: KubeConfig
  readonly #cluster: Cluster
  #latest: { readonly access: Promise<Access>; readonly at: number } | undefined
  #agent: { readonly agent: Agent; readonly key: string } | undefined

  /** @throws KubeError the kubeconfig names no current cluster. */
  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster()
    if (cluster === null)
      throw new KubeError('the kubeconfig', { status: 0, reason: 'Unreachable', message: 'it names no current cluster' })
    this.#config = config
    this.#cluster = cluster
    this.server = cluster.server.replace(/\/$/, '')
  }

  /** Rejects when the credentials cannot be had; the next call asks again. */
  async current(): Promise<Access> {
    const known = this.#latest
    if (known !== undefined && performance.now() - known.at <= CREDENTIALS_MS && (await succeeds(known.access))) return known.access
    // Of calls that wait for the same failure, one asks again.
    const isMine = this.#latest === known || this.#latest === undefined
    if (isMine) this.#latest = { access: this.#load(), at: performance.now() }
    return (this.#latest as { readonly access: Promise<Access> }).access // set above, or by the call that was first
  }

  /** The next call asks for fresh credentials. */
  refresh(): void {
    this.#latest = undefined
  }

  async close(): Promise<void> {
    await this.#agent?.agent.destroy()
  }

  async #load(): Promise<Access> {
    const given: GivenOptions = { headers: {} }
    await this.#config.applyToHTTPSOptions(given as Parameters<KubeConfig['applyToHTTPSOptions']>[0]) // a subset of its fields
    const { headers = {}, ca, cert, key, servername } = given
    const rejectUnauthorized = given.rejectUnauthorized ?? this.#cluster.skipTLSVerify !== true
    const tls = Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(([, v]) => v !== undefined && v !== null)
    return { agent: this.#agentWith(Object.fromEntries(tls)), headers }
  }

  #agentWith(tls: Readonly<Record<string, unknown>>): Agent {
    const key = JSON.stringify(tls, (_, value: unknown) => (Buffer.isBuffer(value) ? value.toString('base64') : value))
    if (this.#agent?.key === key) return this.#agent.agent
    // What is in flight on the old agent ends by itself.
    void this.#agent?.agent.close()
    const agent = new Agent({ connect: { ...tls, timeout: CONNECT_TIMEOUT_MS }, connections: 64, keepAliveTimeout: 30_000 })
    this.#agent = { agent, key }
    return agent
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
