import { WeaverError } from './errors.js'

/**
 * What a deployer passes to a weavelet at its start: the environment variable `WEAVER_BOOTSTRAP`,
 * as JSON. Without it the process runs every component itself and needs no broker. Versioned,
 * because different releases of deployer and application meet here during a rollout: fields are
 * only ever added, and unknown fields are ignored.
 */
export const BOOTSTRAP_ENV = 'WEAVER_BOOTSTRAP'
export const BOOTSTRAP_VERSION = 1
/** The longest delay of a timer: Node fires one with a longer delay at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1
/** The component that `run()` starts; its implementation is the class passed to `run`. */
export const MAIN_COMPONENT = 'weaver/Main'

/**
 * TLS to the broker. An empty object requires it, with the authorities that Node trusts. All values
 * are paths of PEM files.
 */
export interface NatsTls {
  /**
   * Authorities for the broker's certificate.
   * @default those that Node trusts, and `NODE_EXTRA_CA_CERTS`
   */
  readonly caFile?: string
  /** Certificate of this process, for a broker that verifies clients; with `keyFile`. */
  readonly certFile?: string
  readonly keyFile?: string
}

export interface Bootstrap {
  readonly version: typeof BOOTSTRAP_VERSION
  /** Name of the application, as in `WeaverApp` metadata.name or `[serviceweaver] name`. */
  readonly app: string
  /**
   * One launch of one build: `[a-z0-9-]`, at most 63 characters. A token of every NATS subject of
   * the version.
   */
  readonly deploymentId: string
  /** Short id of the version, shown to users. */
  readonly versionId: string
  /** Colocation group of this process. */
  readonly group: string
  /** Unique among the replicas of the deployment; on Kubernetes the pod's name. */
  readonly replica: string
  /** Components hosted here, including `weaver/Main` if it is. All others are called by RPC. */
  readonly components: readonly string[]
  /** Addresses to bind, `host:port` by listener name. Port 0 is any free port. */
  readonly listeners: Readonly<Record<string, { readonly address: string }>>
  /** Absent when this process hosts every component of the application. */
  readonly nats?: {
    readonly servers: readonly string[]
    /** Path of a NATS `.creds` file; absent for a broker without authentication. */
    readonly credsFile?: string
    /**
     * TLS to the broker. Absent: encrypted only if a URL starts with `tls://`, with the authorities
     * that Node trusts.
     */
    readonly tls?: NatsTls
  }
  /**
   * Where log entries go: JSON lines on stdout, or batches over the broker (logs.ts).
   * @default 'stdout'
   */
  readonly logs?: 'stdout' | 'nats'
  /** Where to serve `GET /healthz` and `GET /readyz?v=<deploymentId>`; absent for nowhere. */
  readonly health?: { readonly address: string }
  /** Configuration by component name, before validation. */
  readonly config: Readonly<Record<string, unknown>>
  /** Time limit of a graceful stop, in milliseconds. @default 25000 */
  readonly shutdownGraceMs?: number
  /**
   * How long after SIGTERM to keep serving, unready, before listeners close, so that endpoints can
   * propagate; in milliseconds.
   * @default 0
   */
  readonly preStopMs?: number
  /**
   * A descriptor that stays open as long as the deployer lives. When it closes, the process stops
   * as upon SIGTERM. Absent: the process outlives its deployer.
   */
  readonly lifelineFd?: number
}

/**
 * Parses and checks a bootstrap.
 * @throws WeaverError `WEAVER_BOOTSTRAP_INVALID`: not JSON, a wrong version, or a field of the
 * wrong shape; the message names the field.
 */
export function parseBootstrap(text: string): Bootstrap {
  const invalid = (where: string, why: string) =>
    new WeaverError(
      'WEAVER_BOOTSTRAP_INVALID',
      `${BOOTSTRAP_ENV}: ${where}: ${why}. The deployer sets this variable; do not set it by hand.`,
    )
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new WeaverError(
      'WEAVER_BOOTSTRAP_INVALID',
      `${BOOTSTRAP_ENV} is not JSON. The deployer sets this variable; do not set it by hand.`,
      { cause },
    )
  }
  if (!isRecord(raw)) throw invalid('value', 'must be an object')
  if (raw['version'] !== BOOTSTRAP_VERSION)
    throw invalid(
      'version',
      `is ${JSON.stringify(raw['version'])}, this SDK understands ${BOOTSTRAP_VERSION}; use a deployer and an SDK of the same release`,
    )
  for (const key of ['app', 'deploymentId', 'versionId', 'group', 'replica'] as const)
    if (typeof raw[key] !== 'string' || raw[key] === '') throw invalid(key, 'must be a non-empty string')
  const components = raw['components']
  if (!Array.isArray(components) || !components.every((c) => typeof c === 'string'))
    throw invalid('components', 'must be a list of component names')
  if (!isRecord(raw['listeners'])) throw invalid('listeners', 'must be an object')
  for (const [name, value] of Object.entries(raw['listeners']))
    if (!isRecord(value) || typeof value['address'] !== 'string') throw invalid(`listeners.${name}.address`, 'must be "host:port"')
  if (!isRecord(raw['config'])) throw invalid('config', 'must be an object')
  const nats = raw['nats']
  if (nats !== undefined) {
    if (
      !isRecord(nats) ||
      !Array.isArray(nats['servers']) ||
      nats['servers'].length === 0 ||
      !nats['servers'].every((s) => typeof s === 'string')
    )
      throw invalid('nats.servers', 'must be a non-empty list of URLs')
    if (nats['credsFile'] !== undefined && typeof nats['credsFile'] !== 'string') throw invalid('nats.credsFile', 'must be a path')
    const tls = nats['tls']
    if (tls !== undefined) {
      if (!isRecord(tls)) throw invalid('nats.tls', 'must be an object')
      for (const key of ['caFile', 'certFile', 'keyFile'])
        if (tls[key] !== undefined && typeof tls[key] !== 'string') throw invalid(`nats.tls.${key}`, 'must be a path')
      if ((tls['certFile'] === undefined) !== (tls['keyFile'] === undefined))
        throw invalid('nats.tls', 'has one of certFile and keyFile; they go together')
    }
  }
  const logs = raw['logs']
  if (logs !== undefined && logs !== 'stdout' && logs !== 'nats') throw invalid('logs', 'must be "stdout" or "nats"')
  if (logs === 'nats' && nats === undefined) throw invalid('logs', 'is "nats", but no nats.servers are given')
  const health = raw['health']
  if (health !== undefined && (!isRecord(health) || typeof health['address'] !== 'string'))
    throw invalid('health.address', 'must be "host:port"')
  for (const key of ['shutdownGraceMs', 'preStopMs'] as const)
    if (raw[key] !== undefined && (typeof raw[key] !== 'number' || !(raw[key] >= 0)))
      throw invalid(key, 'must be a number of milliseconds, 0 or more')
  const { lifelineFd } = raw
  if (lifelineFd !== undefined && !(Number.isInteger(lifelineFd) && (lifelineFd as number) > 2))
    // an integer is a number
    throw invalid('lifelineFd', 'must be the number of a descriptor, 3 or more')
  return raw as unknown as Bootstrap // every field was checked above
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
