import type { RequestOptions } from 'node:https'
import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { reasonOf } from '@weaver/sdk/contract'
import { KubeError } from '../errors/kube-error.js'
import type { TlsOptions } from './transport.js'

/** What a request needs to get in. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: TlsOptions
}
export interface AccessOptions {
  /**
   * Credentials older than this are loaded again, so that a rotated token file or a renewed login
   * counts.
   * @default 30000
   */
  readonly maxAgeMs?: number
}

/**
 * The way into one API server: its address and the credentials of the kubeconfig's current context.
 * client-node provides them: certificates, tokens and token files, exec plugins, OIDC, basic
 * authentication, impersonation.
 */
export class KubeAccess {
  readonly server: string
  /** Namespace of the context. */
  readonly namespace: string
  /** `proxy-url` of the cluster; the transport uses it. */
  readonly proxyUrl: string | undefined
  readonly #config: KubeConfig
  readonly #maxAgeMs: number
  #latest: { readonly credentials: Promise<Credentials>; readonly at: number } | undefined

  /** @throws KubeError the kubeconfig names no current cluster. */
  constructor(config: KubeConfig, { maxAgeMs = 30_000 }: AccessOptions = {}) {
    const cluster: Cluster | null = config.getCurrentCluster()
    if (cluster === null)
      throw new KubeError('the kubeconfig', { status: 0, reason: 'Unreachable', message: 'it names no current cluster' })
    this.#config = config
    this.#maxAgeMs = maxAgeMs
    this.server = cluster.server.replace(/\/$/, '')
    this.namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
    this.proxyUrl = (cluster.proxyUrl ?? '') === '' ? undefined : cluster.proxyUrl
  }

  /**
   * Credentials for the next request; none over plain HTTP (`kubectl proxy`), which would reveal
   * them. Rejects with a `KubeError` of reason `NoCredentials`; the next call tries again.
   */
  async current(): Promise<Credentials> {
    if (!this.server.startsWith('https:')) return { headers: {} }
    const known = this.#latest
    if (known !== undefined && performance.now() - known.at <= this.#maxAgeMs && (await succeeds(known.credentials)))
      return known.credentials
    // Of the calls that wait for the same failure, one tries again.
    const isMine = this.#latest === known || this.#latest === undefined
    if (isMine) this.#latest = { credentials: this.#load(), at: performance.now() }
    return (this.#latest as { readonly credentials: Promise<Credentials> }).credentials // set above, or by the call that was first
  }

  /** The next call loads fresh credentials. */
  refresh(): void {
    this.#latest = undefined
  }

  async #load(): Promise<Credentials> {
    const given: RequestOptions = { headers: {} }
    try {
      await this.#config.applyToHTTPSOptions(given)
    } catch (cause) {
      // An exec plugin or an OIDC login failed.
      throw new KubeError(`credentials for "${this.server}"`, { status: 0, reason: 'NoCredentials', message: reasonOf(cause), cause })
    }
    const { ca, cert, key, servername, rejectUnauthorized, auth } = given
    const basic = typeof auth === 'string' ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
    const tls = Object.entries({ ca, cert, key, servername, rejectUnauthorized })
    return {
      headers: { ...(given.headers as Readonly<Record<string, string>>), ...basic }, // client-node sets strings
      // undici treats a key without a value as set
      tls: Object.fromEntries(tls.filter(([, value]) => value !== undefined && value !== null)),
    }
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
