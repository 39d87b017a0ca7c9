import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cliError } from '../errors/catalogue.js'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** In place of a password: a refresh token of the registry's token service. */
  readonly identityToken?: string
}
export type FindCredentials = (registry: string) => Promise<Credentials | undefined>

const authEntry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
})
const configSchema = z.looseObject({
  auths: z.record(z.string(), authEntry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
})

/**
 * Looks where `docker login` and `podman login` put credentials: `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`,
 * `$XDG_RUNTIME_DIR/containers/auth.json`; credential helpers (`docker-credential-…`) are asked. No file is ever written.
 */
export function createCredentialFinder(env: Readonly<Record<string, string | undefined>>): FindCredentials {
  const home = env['HOME'] ?? env['USERPROFILE'] ?? '/'
  const files = [
    env['REGISTRY_AUTH_FILE'],
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
    env['XDG_RUNTIME_DIR'] === undefined ? undefined : join(env['XDG_RUNTIME_DIR'], 'containers/auth.json'),
  ].filter((file) => file !== undefined)
  return async (registry) => {
    for (const file of files) {
      const found = await lookUp(file, registry)
      if (found !== undefined) return found
    }
    return undefined
  }
}

async function lookUp(file: string, registry: string): Promise<Credentials | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined // what fs rejects with
    throw cliError('WEAVER_CLI_REGISTRY_AUTH', `"${file}" cannot be read: ${(cause as Error).message}`, { cause })
  }
  const parsed = configSchema.safeParse(parseJson(text))
  if (!parsed.success)
    throw cliError('WEAVER_CLI_REGISTRY_AUTH', `"${file}" is no container configuration; log in anew with docker or podman`)
  const config = parsed.data
  // Docker Hub has a name of its own in these files.
  const names =
    registry === 'docker.io'
      ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io']
      : [registry, `https://${registry}`, `http://${registry}`]
  const helper = names.map((name) => config.credHelpers?.[name]).find((found) => found !== undefined)
  if (helper !== undefined) return askHelper(helper, names[0] ?? registry)
  const entry = names.map((name) => config.auths?.[name]).find((found) => found !== undefined)
  const credentials = entry === undefined ? undefined : fromEntry(entry)
  if (credentials !== undefined) return credentials
  return config.credsStore === undefined ? undefined : askHelper(config.credsStore, names[0] ?? registry)
}

function fromEntry({ auth, username, password, identitytoken }: z.output<typeof authEntry>): Credentials | undefined {
  const [user, ...rest] = auth === undefined ? [username ?? ''] : Buffer.from(auth, 'base64').toString().split(':')
  const secret = auth === undefined ? (password ?? '') : rest.join(':').replace(/\0+$/, '')
  if (identitytoken !== undefined && identitytoken !== '') return { username: user ?? '', password: secret, identityToken: identitytoken }
  return user === undefined || user === '' ? undefined : { username: user, password: secret }
}

/** Speaks the protocol of docker-credential-helpers. A helper that knows nothing is no error. */
async function askHelper(helper: string, server: string): Promise<Credentials | undefined> {
  const answer = await new Promise<string | undefined>((resolve) => {
    const child = execFile(`docker-credential-${helper}`, ['get'], { timeout: 20_000 }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    )
    child.on('error', () => resolve(undefined))
    child.stdin?.on('error', () => resolve(undefined))
    child.stdin?.end(server)
  })
  const parsed = z.object({ Username: z.string(), Secret: z.string() }).safeParse(answer === undefined ? undefined : parseJson(answer))
  if (!parsed.success) return undefined
  const { Username: username, Secret: password } = parsed.data
  return username === '<token>' ? { username: '', password: '', identityToken: password } : { username, password }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the schema refuses it with a message that names the file
  }
}
