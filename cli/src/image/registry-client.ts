// A client of the OCI distribution API, as far as building an image needs it: read manifests and blobs, mount or upload blobs, write manifests.
// I1 a blob that was read is checked against its digest before anyone sees it.
// I2 every request has a time limit; network failures, 429 and 5xx are tried again, other answers are not.
import { openAsBlob } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cliError } from '../errors/catalogue.js'
import { MEDIA_TYPES, sha256 } from './oci.js'
import { formatReference, isLoopbackRegistry, type ImageReference } from './reference.js'
import type { Credentials, FindCredentials } from './registry-credentials.js'

export interface RegistryClientOptions {
  readonly credentials: FindCredentials
  /** Registries that are spoken to by plain HTTP, besides those on loopback. */
  readonly insecureRegistries?: readonly string[]
  /** Waits between attempts. @default [250, 1000, 3000] */
  readonly retryDelaysMs?: readonly number[]
  readonly signal?: AbortSignal
}

export interface FetchedManifest {
  readonly mediaType: string
  readonly digest: string
  readonly body: Buffer
}
type Repository = Pick<ImageReference, 'registry' | 'repository'>
interface RequestOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Blob | Uint8Array<ArrayBuffer>
  readonly push?: boolean
  /** A repository that is read from by a cross-repository mount. */
  readonly mountFrom?: string
  /** Answers that the caller takes. */
  readonly accept: readonly number[]
}

const REQUEST_TIMEOUT_MS = 30_000
const TRANSFER_TIMEOUT_MS = 15 * 60_000
const MANIFEST_TYPES = [MEDIA_TYPES.oci.index, MEDIA_TYPES.docker.index, MEDIA_TYPES.oci.manifest, MEDIA_TYPES.docker.manifest].join(', ')

export class RegistryClient {
  readonly #options: RegistryClientOptions
  /** `Authorization` by registry and scope. */
  readonly #tokens = new Map<string, string>()

  constructor(options: RegistryClientOptions) {
    this.#options = options
  }

  /** A manifest or an index, by digest where the reference has one, else by tag (`latest` where it has none). */
  async getManifest(reference: ImageReference): Promise<FetchedManifest> {
    const name = reference.digest ?? reference.tag ?? 'latest'
    const response = await this.#request(reference, `manifests/${name}`, { headers: { accept: MANIFEST_TYPES }, accept: [200, 404] })
    if (response.status === 404)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `image "${formatReference(reference)}" does not exist in its registry; check the name, or give another base with --base or kube.base_image`,
      )
    const body = Buffer.from(await response.arrayBuffer())
    const digest = sha256(body)
    if (reference.digest !== undefined && reference.digest !== digest)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `registry "${reference.registry}" answered "${reference.digest}" with something else (${digest}); do not use it`,
      )
    const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim() ?? ''
    return { mediaType, digest, body }
  }

  /** The digest that a tag or digest has in the registry; `undefined`: it is not there. */
  async headManifest(reference: ImageReference): Promise<string | undefined> {
    const name = reference.digest ?? reference.tag ?? 'latest'
    const response = await this.#request(reference, `manifests/${name}`, {
      method: 'HEAD',
      headers: { accept: MANIFEST_TYPES },
      accept: [200, 404],
    })
    return response.status === 404 ? undefined : (response.headers.get('docker-content-digest') ?? undefined)
  }

  /** @param mediaType as it stands in the manifest itself */
  async putManifest(
    reference: ImageReference,
    { body, mediaType }: { readonly body: Buffer<ArrayBuffer>; readonly mediaType: string },
  ): Promise<void> {
    const name = reference.tag ?? reference.digest ?? sha256(body)
    await this.#request(reference, `manifests/${name}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body,
      push: true,
      accept: [201],
    })
  }

  async getBlob(repository: Repository, digest: string): Promise<Buffer> {
    const response = await this.#request(repository, `blobs/${digest}`, { accept: [200] })
    const body = Buffer.from(await response.arrayBuffer())
    if (sha256(body) !== digest)
      throw cliError(
        'WEAVER_CLI_REGISTRY',
        `blob "${digest}" of "${repository.registry}/${repository.repository}" arrived damaged; try again`,
      )
    return body
  }

  /** A blob as a stream, for those too large for memory; the caller checks the digest. */
  async streamBlob(repository: Repository, digest: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#request(repository, `blobs/${digest}`, { accept: [200] })
    return response.body ?? new ReadableStream()
  }

  async hasBlob(repository: Repository, digest: string): Promise<boolean> {
    return (await this.#request(repository, `blobs/${digest}`, { method: 'HEAD', push: true, accept: [200, 404] })).status === 200
  }

  /** Takes a blob over from another repository of the same registry. @returns false when the registry would not. */
  async mountBlob(to: Repository, digest: string, from: Repository): Promise<boolean> {
    if (to.registry !== from.registry) return false
    const path = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from.repository)}`
    const response = await this.#request(to, path, {
      method: 'POST',
      push: true,
      mountFrom: from.repository,
      accept: [201, 202, 401, 403, 404],
    })
    return response.status === 201
  }

  /** Uploads in one piece; the registry checks the digest. */
  async putBlob(
    repository: Repository,
    digest: string,
    content: { readonly file: string } | { readonly data: Buffer<ArrayBuffer> },
  ): Promise<void> {
    const opened = await this.#request(repository, 'blobs/uploads/', { method: 'POST', push: true, accept: [202] })
    const location = opened.headers.get('location')
    if (location === null) throw cliError('WEAVER_CLI_REGISTRY', `registry "${repository.registry}" opened an upload without saying where`)
    const url = new URL(location, opened.url)
    url.searchParams.set('digest', digest)
    const body = 'file' in content ? await openAsBlob(content.file) : content.data
    await this.#request(repository, url, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      push: true,
      accept: [201],
    })
  }

  async #request(repository: Repository, path: string | URL, options: RequestOptions): Promise<Response> {
    const url = path instanceof URL ? path : new URL(`/v2/${repository.repository}/${path}`, this.#origin(repository.registry))
    const scope = scopeOf(repository, options)
    const tokenKey = `${repository.registry} ${scope}`
    let response = await this.#send(url, options, this.#tokens.get(tokenKey))
    if (response.status === 401 && (!options.accept.includes(401) || !this.#tokens.has(tokenKey))) {
      await response.body?.cancel()
      const authorization = await this.#authorize(response.headers.get('www-authenticate') ?? '', { registry: repository.registry, scope })
      if (authorization !== undefined) {
        this.#tokens.set(tokenKey, authorization)
        response = await this.#send(url, options, authorization)
      }
    }
    if (options.accept.includes(response.status)) {
      // nobody reads the answer to a write; unread it would hold its connection
      if (options.method !== undefined)
        await response.arrayBuffer().catch((cause: Error) => {
          throw unreachable(url, cause)
        })
      return response
    }
    throw await refusal(response, { repository, method: options.method ?? 'GET', path: url.pathname })
  }

  async #send(url: URL, options: RequestOptions, authorization: string | undefined): Promise<Response> {
    const delays = this.#options.retryDelaysMs ?? [250, 1000, 3000]
    const limit = options.body === undefined && !url.pathname.includes('/blobs/sha256') ? REQUEST_TIMEOUT_MS : TRANSFER_TIMEOUT_MS
    for (let attempt = 0; ; attempt++) {
      const timeout = AbortSignal.timeout(limit)
      const signal = this.#options.signal === undefined ? timeout : AbortSignal.any([timeout, this.#options.signal])
      let response: Response | undefined
      let failure: unknown
      try {
        response = await fetch(url, {
          method: options.method ?? 'GET',
          headers: { ...options.headers, 'user-agent': 'weaver', ...(authorization === undefined ? {} : { authorization }) },
          ...(options.body === undefined ? {} : { body: options.body }),
          signal,
        })
      } catch (cause) {
        this.#options.signal?.throwIfAborted()
        failure = cause
      }
      const delay = delays[attempt]
      if (response !== undefined && (delay === undefined || (response.status !== 429 && response.status < 500))) return response
      if (delay === undefined) throw unreachable(url, failure as Error) // fetch rejects with errors only
      await response?.body?.cancel()
      await sleep(delay, undefined, this.#options.signal === undefined ? {} : { signal: this.#options.signal })
    }
  }

  /** Answers the challenge of a 401. @returns the `Authorization` to use, `undefined` when there is nothing to offer. */
  async #authorize(
    challenge: string,
    { registry, scope }: { readonly registry: string; readonly scope: string },
  ): Promise<string | undefined> {
    const credentials = await this.#options.credentials(registry)
    const scheme = challenge.split(' ')[0]?.toLowerCase()
    if (scheme === 'basic') return credentials === undefined ? undefined : basic(credentials)
    if (scheme !== 'bearer') return undefined
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]))
    const realm = fields['realm']
    if (realm === undefined || !URL.canParse(realm)) return undefined
    return `Bearer ${await this.#fetchToken(new URL(realm), { service: fields['service'], scope, credentials, registry })}`
  }

  async #fetchToken(
    realm: URL,
    {
      service,
      scope,
      credentials,
      registry,
    }: { service: string | undefined; scope: string; credentials: Credentials | undefined; registry: string },
  ): Promise<string> {
    const isPrivate = realm.protocol === 'https:' || isLoopbackRegistry(realm.host) || this.#isInsecure(registry)
    if (!isPrivate && credentials !== undefined)
      throw cliError(
        'WEAVER_CLI_REGISTRY_AUTH',
        `registry "${registry}" wants its credentials sent unencrypted to "${realm.origin}"; refused. Use --insecure-registry ${registry} to allow it`,
      )
    let response: Response
    if (credentials?.identityToken !== undefined) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: credentials.identityToken,
        client_id: 'weaver',
        scope,
        ...(service === undefined ? {} : { service }),
      })
      response = await this.#send(
        realm,
        {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: Buffer.from(form.toString()),
          accept: [200],
        },
        undefined,
      )
    } else {
      for (const one of scope.split(' ')) realm.searchParams.append('scope', one)
      if (service !== undefined) realm.searchParams.set('service', service)
      response = await this.#send(realm, { accept: [200] }, credentials === undefined ? undefined : basic(credentials))
    }
    const answer = response.ok ? ((await response.json()) as { readonly token?: string; readonly access_token?: string }) : {} // checked below
    const token = answer.token ?? answer.access_token
    if (token === undefined)
      throw cliError(
        'WEAVER_CLI_REGISTRY_AUTH',
        `the token service of registry "${registry}" answered ${response.status}${credentials === undefined ? '' : ` to user "${credentials.username}"`}; log in with \`docker login ${registry}\``,
      )
    return token
  }

  #origin(registry: string): string {
    const isPlain = isLoopbackRegistry(registry) || this.#isInsecure(registry)
    return `${isPlain ? 'http' : 'https'}://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`
  }

  #isInsecure(registry: string): boolean {
    return this.#options.insecureRegistries?.includes(registry) === true
  }
}

function scopeOf({ repository }: Repository, { push, mountFrom }: RequestOptions): string {
  const own = `repository:${repository}:${push === true ? 'pull,push' : 'pull'}`
  return mountFrom === undefined || mountFrom === repository ? own : `${own} repository:${mountFrom}:pull`
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function unreachable(url: URL, cause: Error): Error {
  const inner = cause.cause instanceof Error ? cause.cause : cause
  const why =
    inner.name === 'TimeoutError'
      ? 'it gave no answer in time'
      : inner.message || String((inner as NodeJS.ErrnoException).code ?? inner.name) // undici sets a code where there is no message
  const hint =
    url.protocol === 'https:' ? 'Check the name and the network; for a registry without TLS give --insecure-registry' : 'Is it running?'
  return cliError('WEAVER_CLI_REGISTRY', `registry "${url.host}" cannot be reached: ${why}. ${hint}`, { cause })
}

async function refusal(
  response: Response,
  { repository, method, path }: { readonly repository: Repository; readonly method: string; readonly path: string },
): Promise<Error> {
  const text = await response.text().catch((error: unknown) => String(error))
  const said = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 200).trim()
  const name = `${repository.registry}/${repository.repository}`
  const isAuth = response.status === 401 || response.status === 403
  return cliError(
    isAuth ? 'WEAVER_CLI_REGISTRY_AUTH' : 'WEAVER_CLI_REGISTRY',
    `registry refused ${method} on "${name}" with ${response.status}${said === '' ? '' : ` (${said})`}${isAuth ? `; log in with \`docker login ${repository.registry}\`, as a user who may write to "${repository.repository}"` : ''}`,
    { details: { status: response.status, path } },
  )
}
