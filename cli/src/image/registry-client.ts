// A client of the OCI distribution API, as far as building images needs it: read manifests and
// blobs, mount or upload blobs, write manifests.
// I1  A blob is checked against its digest before it is used.
// I2  Every request has a time limit. Network failures, 429 and 5xx are retried, other responses
//     are not.
// I3  Credentials go only to the origins of the registry and its token service; uploads and
//     redirects to other origins go without (registry-auth.ts).
// I4  Requests that only save work (does it exist? can it be mounted?) decide nothing when they
//     fail: the writes do.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { cliError } from '../errors/catalogue.js'
import type { HttpClient } from '../http/http-client.js'
import { MEDIA_TYPES, sha256 } from './oci.js'
import { DOCKER_HUB, formatReference, isLoopbackRegistry, normalRegistry, type ImageReference } from './reference.js'
import { Authenticator, type Authorization, type Repository } from './registry-auth.js'
import type { FindCredentials } from './registry-credentials.js'

export interface RegistryClientOptions {
  readonly http: HttpClient
  readonly credentials: FindCredentials
  /** Registries to call by plain HTTP, besides those on loopback. */
  readonly insecureRegistries?: readonly string[]
  /** Delays between attempts. @default [250, 1000, 3000] */
  readonly retryDelaysMs?: readonly number[]
  readonly signal?: AbortSignal
}

export interface FetchedManifest {
  readonly mediaType: string
  readonly digest: string
  readonly body: Buffer
}
type Content = { readonly file: string } | { readonly data: Buffer }
interface SendOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Content
  /** Tried once; failures are left to the writes that follow. */
  readonly isOptional?: boolean
}
interface RequestOptions extends SendOptions {
  readonly push?: boolean
  /** The source repository of a cross-repository mount. */
  readonly mountFrom?: string
  /** Statuses that the caller handles. */
  readonly accept: readonly number[]
}
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Awaited<ReturnType<HttpClient['request']>>['body']
  /** The URL that answered, after redirects. */
  readonly url: URL
}

const REQUEST_TIMEOUT_MS = 30_000
const TRANSFER_TIMEOUT_MS = 15 * 60_000
const MAX_REDIRECTS = 10
const MANIFEST_TYPES = [MEDIA_TYPES.oci.index, MEDIA_TYPES.docker.index, MEDIA_TYPES.oci.manifest, MEDIA_TYPES.docker.manifest].join(', ')

export class RegistryClient {
  readonly #options: RegistryClientOptions
  readonly #insecure: ReadonlySet<string>
  readonly #authenticator: Authenticator
  /** By registry and scope. */
  readonly #tokens = new Map<string, Authorization>()

  constructor(options: RegistryClientOptions) {
    this.#options = options
    this.#insecure = new Set((options.insecureRegistries ?? []).map(normalRegistry))
    this.#authenticator = new Authenticator({
      credentials: options.credentials,
      isPlainAllowed: (registry, realm) => isLoopbackRegistry(realm.host) || this.#insecure.has(registry),
      send: (url, request, authorization) => this.#send(url, request, authorization),
    })
  }

  /**
   * A manifest or an index, by digest if the reference has one, else by tag (`latest` by default).
   */
  async getManifest(reference: ImageReference): Promise<FetchedManifest> {
    const name = reference.digest ?? reference.tag ?? 'latest'
    const answer = await this.#request(reference, `manifests/${name}`, { headers: { accept: MANIFEST_TYPES }, accept: [200, 404] })
    const body = Buffer.from(await answer.body.arrayBuffer())
    if (answer.status === 404)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `image "${formatReference(reference)}" does not exist in its registry; check the name, or give another base with --base or kube.base_image`,
      )
    const digest = sha256(body)
    if (reference.digest !== undefined && reference.digest !== digest)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `registry "${reference.registry}" answered "${reference.digest}" with something else (${digest}); do not use it`,
      )
    const mediaType = header(answer, 'content-type')?.split(';')[0]?.trim() ?? ''
    return { mediaType, digest, body }
  }

  /** True only if a tag or digest of the registry is known to name this digest. */
  async hasManifest(reference: ImageReference, digest: string): Promise<boolean> {
    const name = reference.digest ?? reference.tag ?? 'latest'
    const answer = await this.#ask(reference, `manifests/${name}`, { method: 'HEAD', headers: { accept: MANIFEST_TYPES } })
    return answer?.status === 200 && header(answer, 'docker-content-digest') === digest
  }

  /** @param mediaType as stated in the manifest itself */
  async putManifest(reference: ImageReference, { body, mediaType }: { readonly body: Buffer; readonly mediaType: string }): Promise<void> {
    const name = reference.tag ?? reference.digest ?? sha256(body)
    await this.#request(reference, `manifests/${name}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: { data: body },
      push: true,
      accept: [201],
    })
  }

  async getBlob(repository: Repository, digest: string): Promise<Buffer> {
    const answer = await this.#request(repository, `blobs/${digest}`, { accept: [200] })
    const body = Buffer.from(await answer.body.arrayBuffer())
    if (sha256(body) !== digest)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `blob "${digest}" of "${repository.registry}/${repository.repository}" arrived damaged; try again`,
      )
    return body
  }

  /** A blob as a stream, for those too large for memory; the caller checks the digest. */
  async streamBlob(repository: Repository, digest: string): Promise<Readable> {
    return (await this.#request(repository, `blobs/${digest}`, { accept: [200] })).body
  }

  /** True only if the blob is known to exist. */
  async hasBlob(repository: Repository, digest: string): Promise<boolean> {
    const answer = await this.#ask(repository, `blobs/${digest}`, { method: 'HEAD' })
    return answer?.status === 200 && (header(answer, 'docker-content-digest') ?? digest) === digest
  }

  /**
   * Mounts a blob of another repository of the same registry.
   * @returns false if the registry declined
   */
  async mountBlob(to: Repository, digest: string, from: Repository): Promise<boolean> {
    if (to.registry !== from.registry) return false
    const path = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from.repository)}`
    return (await this.#ask(to, path, { method: 'POST', mountFrom: from.repository }))?.status === 201
  }

  /** Uploads in one piece; the registry checks the digest. */
  async putBlob(repository: Repository, digest: string, content: Content): Promise<void> {
    const opened = await this.#request(repository, 'blobs/uploads/', { method: 'POST', push: true, accept: [202] })
    const location = header(opened, 'location')
    if (location === undefined || !URL.canParse(location, opened.url.href))
      throw cliError('WEAVER_CLI_REGISTRY', `registry "${repository.registry}" opened an upload without saying where`)
    const url = new URL(location, opened.url)
    url.searchParams.set('digest', digest)
    await this.#request(repository, url, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
      push: true,
      accept: [201],
    })
  }

  /** Sends a request that only saves work (I4). @returns `undefined` if there was no response */
  async #ask(repository: Repository, path: string, options: Omit<RequestOptions, 'accept'>): Promise<Answer | undefined> {
    try {
      return await this.#request(repository, path, { ...options, push: true, isOptional: true, accept: [] })
    } catch {
      this.#options.signal?.throwIfAborted()
      return undefined // a registry that is down, or refuses, fails the write that follows
    }
  }

  async #request(repository: Repository, path: string | URL, options: RequestOptions): Promise<Answer> {
    const own = new URL(this.#base(repository.registry))
    const url = path instanceof URL ? path : new URL(`/v2/${repository.repository}/${path}`, own)
    const scope = scopeOf(repository, options)
    const tokenKey = `${repository.registry} ${scope}`
    let answer = await this.#send(url, options, this.#tokens.get(tokenKey))
    // a challenge from another origin is not the registry's: it gets no credentials
    if (answer.status === 401 && answer.url.origin === own.origin) {
      const challenge = answer.headers['www-authenticate']
      const authorization = await this.#authenticator.answer({ repository, scope, origin: own.origin, challenge })
      if (authorization !== undefined) {
        await answer.body.dump()
        this.#tokens.set(tokenKey, authorization)
        answer = await this.#send(url, options, authorization)
      }
    }
    if (options.isOptional !== true && !options.accept.includes(answer.status))
      throw await this.#refusal(answer, { repository, method: options.method ?? 'GET', origin: own.origin })
    // the response to a write is not read, and unread it would hold its connection
    if (options.method !== undefined)
      await answer.body.arrayBuffer().catch((cause: Error) => {
        throw this.#unreachable(url, cause)
      })
    return answer
  }

  async #send(url: URL, options: SendOptions, authorization: Authorization | undefined): Promise<Answer> {
    const delays = options.isOptional === true ? [] : (this.#options.retryDelaysMs ?? [250, 1000, 3000])
    for (let attempt = 0; ; attempt++) {
      const delay = delays[attempt]
      let answer: Answer | undefined
      let failure: unknown
      try {
        answer = await this.#sendOnce(url, options, authorization)
      } catch (cause) {
        this.#options.signal?.throwIfAborted()
        failure = cause
      }
      if (answer !== undefined && (delay === undefined || (answer.status !== 429 && answer.status < 500))) return answer
      if (delay === undefined) throw this.#unreachable(url, failure as Error) // undici rejects with errors only
      await answer?.body.dump()
      await sleep(delay, undefined, this.#options.signal === undefined ? {} : { signal: this.#options.signal })
    }
  }

  /** Follows redirects; each hop gets what belongs to its origin (I3). */
  async #sendOnce(start: URL, { method = 'GET', headers, body }: SendOptions, authorization: Authorization | undefined): Promise<Answer> {
    const timeout = AbortSignal.timeout(
      body === undefined && !start.pathname.includes('/blobs/sha256') ? REQUEST_TIMEOUT_MS : TRANSFER_TIMEOUT_MS,
    )
    const signal = this.#options.signal === undefined ? timeout : AbortSignal.any([timeout, this.#options.signal])
    let url = start
    for (let hop = 0; ; hop++) {
      const response = await this.#options.http.request(url, {
        method,
        headers: {
          ...headers,
          ...(authorization?.origin === url.origin ? { authorization: authorization.value } : {}),
          ...(await lengthOf(body)),
        },
        ...(body === undefined ? {} : { body: 'file' in body ? createReadStream(body.file) : body.data }),
        signal,
      })
      const answer = { status: response.statusCode, headers: response.headers, body: response.body, url }
      const target = redirectOf(answer, method)
      if (target === undefined) return answer
      await response.body.dump()
      if (hop === MAX_REDIRECTS) throw new Error(`it redirects more than ${MAX_REDIRECTS} times`)
      url = target
    }
  }

  #base(registry: string): string {
    const isPlain = isLoopbackRegistry(registry) || this.#insecure.has(registry)
    return `${isPlain ? 'http' : 'https'}://${registry === DOCKER_HUB ? 'registry-1.docker.io' : registry}`
  }

  #unreachable(url: URL, cause: Error): Error {
    const inner = cause.cause instanceof Error ? cause.cause : cause
    const why =
      inner.name === 'TimeoutError'
        ? 'it gave no answer in time'
        : inner.message || String((inner as NodeJS.ErrnoException).code ?? inner.name) // undici sets a code where there is no message
    const via = this.#options.http.via(url)
    const hint =
      via !== ''
        ? 'Check the proxy, or name the registry in NO_PROXY'
        : url.protocol === 'https:'
          ? 'Check the name and the network; for a registry without TLS give --insecure-registry'
          : 'Is it running?'
    return cliError('WEAVER_CLI_REGISTRY', `registry "${url.host}" cannot be reached${via}: ${why}. ${hint}`, { cause })
  }

  async #refusal(
    { status, body, url }: Answer,
    { repository, method, origin }: { readonly repository: Repository; readonly method: string; readonly origin: string },
  ): Promise<Error> {
    const text = await body.text().catch((error: unknown) => String(error))
    const said = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 200).trim()
    const isAuth = status === 401 || status === 403
    const sent = `registry "${repository.registry}" sent the ${method} on to "${url.origin}"`
    const what =
      url.origin === origin
        ? `registry refused ${method} on "${repository.registry}/${repository.repository}" with ${status}`
        : `${sent}, which refused it with ${status}`
    const foreign = `credentials go to "${origin}" only. If both are the registry, it must know its own address: \`http.host\` in its settings, or X-Forwarded-Proto and Host from the proxy before it`
    const remedy = isAuth ? `; ${url.origin === origin ? this.#authenticator.remedy(repository) : foreign}` : ''
    return cliError(isAuth ? 'WEAVER_CLI_REGISTRY_AUTH' : 'WEAVER_CLI_REGISTRY', `${what}${said === '' ? '' : ` (${said})`}${remedy}`, {
      details: { status, path: url.pathname },
    })
  }
}

function scopeOf({ repository }: Repository, { push, mountFrom }: RequestOptions): string {
  const own = `repository:${repository}:${push === true ? 'pull,push' : 'pull'}`
  return mountFrom === undefined || mountFrom === repository ? own : `${own} repository:${mountFrom}:pull`
}

async function lengthOf(body: Content | undefined): Promise<Readonly<Record<string, string>>> {
  return body !== undefined && 'file' in body ? { 'content-length': String((await stat(body.file)).size) } : {}
}

/** 307 and 308 keep the method; others turn a request into a GET, and end a write. */
function redirectOf(answer: Answer, method: string): URL | undefined {
  const isFollowed = [307, 308].includes(answer.status) || ([301, 302, 303].includes(answer.status) && ['GET', 'HEAD'].includes(method))
  const location = header(answer, 'location')
  return isFollowed && location !== undefined && URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined
}

function header({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  return [headers[name]].flat()[0]
}
