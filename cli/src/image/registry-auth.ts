// Answers a registry's 401.
// I1  A secret belongs to an origin: an `Authorization` is sent only to the origin that it is for,
//     whatever redirects or `Location` say.
import type { HttpClient } from '../http/http-client.js'
import { cliError } from '../errors/catalogue.js'
import { parseChallenges } from './challenge.js'
import type { ImageReference } from './reference.js'
import type { Credentials, FindCredentials } from './registry-credentials.js'

export type Repository = Pick<ImageReference, 'registry' | 'repository'>

/** A value of `Authorization`, and the only origin that may receive it. */
export interface Authorization {
  readonly value: string
  readonly origin: string
}

export interface Question {
  readonly repository: Repository
  readonly scope: string
  /** Origin of the registry that sent the challenge. */
  readonly origin: string
  /** `WWW-Authenticate` of the 401. */
  readonly challenge: string | readonly string[] | undefined
}

export interface AuthenticatorOptions {
  readonly credentials: FindCredentials
  /** Whether credentials may be sent unencrypted to a token service that this registry names. */
  readonly isPlainAllowed: (registry: string, realm: URL) => boolean
  readonly send: (url: URL, request: TokenRequest, authorization: Authorization | undefined) => Promise<TokenAnswer>
}
export interface TokenRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: { readonly data: Buffer }
}
export interface TokenAnswer {
  readonly status: number
  readonly body: Awaited<ReturnType<HttpClient['request']>>['body']
}

export class Authenticator {
  readonly #options: AuthenticatorOptions
  /** By registry: why credentials are missing. */
  readonly #problems = new Map<string, readonly string[]>()

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /** @returns what to send to the registry; `undefined` if there are no credentials */
  async answer({ repository, scope, origin, challenge }: Question): Promise<Authorization | undefined> {
    const { credentials, problems } = await this.#options.credentials(repository)
    const challenges = parseChallenges(challenge)
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && URL.canParse(parameters['realm'] ?? ''))
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic')
    const isUnknown = bearer === undefined && !isBasic && challenges.length > 0
    const unknown = `it asks for ${challenges.map(({ scheme }) => `"${scheme}"`).join(' and ')} authentication, and weaver speaks Basic and Bearer only`
    this.#problems.set(repository.registry, isUnknown ? [...problems, unknown] : problems)
    if (bearer !== undefined) {
      const { realm = '', service } = bearer.parameters
      const token = await this.#fetchToken(new URL(realm), { service, scope, credentials, repository })
      return { value: `Bearer ${token}`, origin }
    }
    return isBasic && credentials !== undefined ? { value: basic(credentials), origin } : undefined
  }

  /** The remedy for a registry's 401 or 403. */
  remedy({ registry, repository }: Repository): string {
    const problems = this.#problems.get(registry) ?? []
    return problems.length > 0
      ? problems.join('; ')
      : `log in with \`docker login ${registry}\`, as a user who may read and write "${repository}"`
  }

  async #fetchToken(
    realm: URL,
    {
      service,
      scope,
      credentials,
      repository,
    }: { service: string | undefined; scope: string; credentials: Credentials | undefined; repository: Repository },
  ): Promise<string> {
    const { registry } = repository
    if (credentials !== undefined && realm.protocol !== 'https:' && !this.#options.isPlainAllowed(registry, realm))
      throw cliError(
        'WEAVER_CLI_REGISTRY_AUTH',
        `registry "${registry}" wants its credentials sent unencrypted to "${realm.origin}"; refused. Use --insecure-registry ${registry} to allow it`,
      )
    const answer = await this.#options.send(...tokenRequest(realm, { service, scope, credentials }))
    const text = await answer.body.text()
    const parsed = answer.status === 200 ? parseToken(text) : undefined
    if (parsed !== undefined) return parsed
    const who = credentials === undefined ? '' : ` to user "${credentials.username}"`
    const why = answer.status === 200 ? 'answered without a token' : `answered ${answer.status}`
    throw cliError('WEAVER_CLI_REGISTRY_AUTH', `the token service of registry "${registry}" ${why}${who}; ${this.remedy(repository)}`)
  }
}

function tokenRequest(
  realm: URL,
  { service, scope, credentials }: { service: string | undefined; scope: string; credentials: Credentials | undefined },
): [URL, TokenRequest, Authorization | undefined] {
  if (credentials?.identityToken === undefined) {
    for (const one of scope.split(' ')) realm.searchParams.append('scope', one)
    if (service !== undefined) realm.searchParams.set('service', service)
    return [realm, {}, credentials === undefined ? undefined : { value: basic(credentials), origin: realm.origin }]
  }
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: credentials.identityToken,
    client_id: 'weaver',
    scope,
    ...(service === undefined ? {} : { service }),
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return [realm, { method: 'POST', headers, body: { data: Buffer.from(form.toString()) } }, undefined]
}

/** Services set one of two fields, and some set the other one to an empty text. */
function parseToken(text: string): string | undefined {
  let answer: { readonly token?: unknown; readonly access_token?: unknown } | null
  try {
    answer = JSON.parse(text) as typeof answer // each field is checked below
  } catch {
    return undefined // the caller reports that there is no token
  }
  return [answer?.token, answer?.access_token].find((token): token is string => typeof token === 'string' && token !== '')
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
