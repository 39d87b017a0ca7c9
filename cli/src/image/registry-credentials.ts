import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cliError } from '../errors/catalogue.js'
import { DOCKER_HUB, normalRegistry, type ImageReference } from './reference.js'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** Replaces the password: a refresh token for the registry's token service. */
  readonly identityToken?: string
}
export interface FoundCredentials {
  readonly credentials?: Credentials
  /**
   * Why other credentials are missing, each with its remedy, such as a credential helper that
   * failed.
   */
  readonly problems: readonly string[]
}
export type FindCredentials = (image: Pick<ImageReference, 'registry' | 'repository'>) => Promise<FoundCredentials>

type Environment = Readonly<Record<string, string | undefined>>

const authEntry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
})
const configSchema = z.looseObject({
  auths: z.record(z.string(), authEntry).nullish(),
  credsStore: z.string().nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
})
/** What a helper that has nothing prints, exiting with 1; the text is part of the protocol. */
const NOT_FOUND = 'credentials not found in native keychain'

/**
 * Reads credentials where `docker login` and `podman login` put them: `$REGISTRY_AUTH_FILE`,
 * `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`, `$XDG_RUNTIME_DIR/containers/auth.json`;
 * runs credential helpers (`docker-credential-…`). It never writes a file. Of the entries for a
 * registry and for paths in it, the longest one that contains the repository wins. A helper that
 * fails is listed as a problem, and the search goes on.
 */
export function createCredentialFinder(env: Environment): FindCredentials {
  const home = env['HOME'] ?? env['USERPROFILE'] ?? '/'
  const files = [
    env['REGISTRY_AUTH_FILE'],
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
    env['XDG_RUNTIME_DIR'] === undefined ? undefined : join(env['XDG_RUNTIME_DIR'], 'containers/auth.json'),
  ].filter((file) => file !== undefined)
  return async (image) => {
    const problems: string[] = []
    for (const file of files) {
      const credentials = await lookUp(file, { places: placesOf(image), env, problems })
      if (credentials !== undefined) return { credentials, problems }
    }
    return { problems }
  }
}

/** `host/a/b`, `host/a`, `host` of the image `host/a/b`. */
function placesOf({ registry, repository }: Pick<ImageReference, 'registry' | 'repository'>): readonly string[] {
  const parts = repository.split('/')
  return [...parts.map((_, i) => [registry, ...parts.slice(0, parts.length - i)].join('/')), registry]
}

/**
 * The place that a key of a configuration means: `https://index.docker.io/v1/` is `docker.io`. API
 * versions are not part of a repository's path.
 */
function placeOf(key: string): string {
  const [host = '', ...path] = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '')
    .split('/')
  return [normalRegistry(host), ...path].join('/')
}

/**
 * The entry for the first place that has one; a key that equals the place wins over one that only
 * means it.
 */
function entryFor<T>(
  entries: Readonly<Record<string, T>>,
  places: readonly string[],
): { readonly key: string; readonly value: T } | undefined {
  for (const place of places) {
    const key = Object.hasOwn(entries, place) ? place : Object.keys(entries).find((one) => placeOf(one) === place)
    const value = key === undefined ? undefined : entries[key]
    if (key !== undefined && value !== undefined) return { key, value }
  }
  return undefined
}

interface LookUp {
  readonly places: readonly string[]
  readonly env: Environment
  readonly problems: string[]
}

async function lookUp(file: string, { places, env, problems }: LookUp): Promise<Credentials | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined // what fs rejects with
    throw cliError('WEAVER_CLI_REGISTRY_AUTH', `"${file}" cannot be read: ${(cause as Error).message}`, { cause })
  }
  const parsed = configSchema.safeParse(parseJson(text))
  if (!parsed.success)
    throw cliError('WEAVER_CLI_REGISTRY_AUTH', `"${file}" is not a container configuration; log in again with docker or podman`)
  const { auths, credHelpers, credsStore } = parsed.data
  const entry = entryFor(auths ?? {}, places)
  const askHelper = async (helper: string): Promise<Credentials | undefined> => {
    const answer = await callHelper(helper, { server: serverNameOf(places, entry?.key), env })
    if ('problem' in answer)
      problems.push(
        `credential helper "docker-credential-${helper}", which "${file}" names, failed: ${answer.problem}; mend it, or remove it from that file and log in again`,
      )
    return 'problem' in answer ? undefined : answer.credentials
  }
  const helper = entryFor(credHelpers ?? {}, places)?.value
  const ofHelper = helper === undefined ? undefined : await askHelper(helper)
  if (ofHelper !== undefined) return ofHelper
  const ofEntry = entry === undefined ? undefined : fromEntry(entry.value)
  if (ofEntry !== undefined) return ofEntry
  const isAsked = credsStore === null || credsStore === undefined || credsStore === '' || credsStore === helper
  return isAsked ? undefined : askHelper(credsStore)
}

/** Helpers know a server by the name used at login, which `auths` holds with an empty entry. */
function serverNameOf(places: readonly string[], key: string | undefined): string {
  const registry = places.at(-1) ?? ''
  return key ?? (registry === DOCKER_HUB ? 'https://index.docker.io/v1/' : registry)
}

function fromEntry({ auth, username, password, identitytoken }: z.output<typeof authEntry>): Credentials | undefined {
  const [user, ...rest] = auth === undefined ? [username ?? ''] : Buffer.from(auth, 'base64').toString().split(':')
  const secret = auth === undefined ? (password ?? '') : rest.join(':').replace(/\0+$/, '')
  if (identitytoken !== undefined && identitytoken !== '') return { username: user ?? '', password: secret, identityToken: identitytoken }
  return user === undefined || user === '' ? undefined : { username: user, password: secret }
}

/** Runs a helper by the protocol of docker-credential-helpers. */
async function callHelper(
  helper: string,
  { server, env }: { readonly server: string; readonly env: Environment },
): Promise<{ readonly credentials?: Credentials } | { readonly problem: string }> {
  const { error, stdout, stderr } = await new Promise<{
    error: (Error & { killed?: boolean; code?: unknown }) | null
    stdout: string
    stderr: string
  }>((resolve) => {
    const child = execFile(`docker-credential-${helper}`, ['get'], { timeout: 20_000, env: { ...env } }, (failure, out, err) =>
      resolve({ error: failure, stdout: out, stderr: err }),
    )
    child.stdin?.on('error', () => undefined) // a helper that exits without reading reports why by its exit code
    child.stdin?.end(server)
  })
  if (error !== null) {
    if (stdout.trim() === NOT_FOUND) return {}
    if (error.code === 'ENOENT') return { problem: 'there is no such program on the PATH' }
    if (error.killed === true) return { problem: 'it did not answer within 20 s' }
    // helpers print errors to stdout
    const said = [stdout, stderr].map((text) => text.trim()).find((text) => text !== '')
    return { problem: `it ended with ${String(error.code)}${said === undefined ? '' : ` (${said.slice(0, 300)})`}` }
  }
  const parsed = z.object({ Username: z.string(), Secret: z.string() }).safeParse(parseJson(stdout))
  if (!parsed.success) return { problem: 'its answer has no Username and Secret' } // the answer itself may contain a secret
  const { Username: username, Secret: password } = parsed.data
  return { credentials: username === '<token>' ? { username: '', password: '', identityToken: password } : { username, password } }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the schema rejects it with a message that names the file
  }
}
