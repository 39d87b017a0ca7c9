import { cliError } from '../errors/catalogue.js'

/** The parts of an image name: `registry/repository:tag@digest`. */
export interface ImageReference {
  /** `host[:port]` in the form of `normalRegistry`; `docker.io` if the text names none. */
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  /** `sha256:…` */
  readonly digest?: string
}

const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/

export const DOCKER_HUB = 'docker.io'
/** Names of Docker Hub: in image names, in credentials files and of its API. */
const HUB_NAMES: ReadonlySet<string> = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'])

/**
 * One name per registry: in lower case, without scheme, final slash and the default port of HTTPS;
 * `docker.io` for every name of Docker Hub.
 */
export function normalRegistry(text: string): string {
  const host = text
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/:443$/, '')
  return HUB_NAMES.has(host) ? DOCKER_HUB : host
}

/** @throws WeaverError `WEAVER_CLI_IMAGE_REFERENCE` */
export function parseReference(text: string): ImageReference {
  const refuse = (why: string): Error =>
    cliError('WEAVER_CLI_IMAGE_REFERENCE', `"${text}" is not an image name: ${why}. Write it as registry.example/team/name:tag`)
  const [rest = '', digest, ...more] = text.split('@')
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) throw refuse('its digest is not sha256: and 64 hex digits')
  const slash = rest.indexOf('/')
  const first = rest.slice(0, Math.max(0, slash))
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost'
  const registry = isHost ? normalRegistry(first) : DOCKER_HUB
  const path = isHost ? rest.slice(slash + 1) : rest
  const colon = path.lastIndexOf(':')
  const name = colon < 0 ? path : path.slice(0, colon)
  const tag = colon < 0 ? undefined : path.slice(colon + 1)
  const repository = registry === DOCKER_HUB && !name.includes('/') ? `library/${name}` : name
  if (!REPOSITORY.test(repository)) throw refuse(`"${name}" is not a repository: lower-case letters, digits and separators`)
  if (tag !== undefined && !TAG.test(tag)) throw refuse(`"${tag}" is not a tag`)
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/**
 * Whether the registry is on this machine: it is then reached by plain HTTP, as with every
 * container tool.
 */
export function isLoopbackRegistry(registry: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry)
}
