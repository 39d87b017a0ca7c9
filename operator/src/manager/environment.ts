import { operatorError } from '../errors/catalogue.js'
import type { LogLevel } from '../log/logger.js'

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** The operator's settings, all from its environment; the chart sets them. */
export interface OperatorEnvironment {
  /** Namespace that the operator runs in; its lease lives there. */
  readonly namespace: string
  /** Holder of the lease. */
  readonly identity: string
  /** Empty: all namespaces. */
  readonly watchNamespaces: readonly string[]
  /** URLs that weavelets and the operator dial. */
  readonly natsServers: readonly string[]
  readonly nats:
    | { readonly mode: 'account-per-version'; readonly authDirectory: string }
    /** A broker of the user's own without operator mode. */
    | { readonly mode: 'shared-account'; readonly credsFile?: string }
  readonly proxyImage: string
  /**
   * How long a restarted proxy waits for the operator before it serves by its ConfigMap; a version
   * is kept that much longer than any proxy could name it.
   */
  readonly proxyFailOpenSeconds: number
  readonly metrics: { readonly host: string; readonly port: number }
  readonly logLevel: LogLevel
}

/**
 * Reads the operator's environment; all problems at once.
 * @throws WeaverError `WEAVER_OPERATOR_ENVIRONMENT`: the message names each variable and what to
 * set.
 */
export function parseEnvironment(env: Readonly<Record<string, string | undefined>>): OperatorEnvironment {
  const problems: string[] = []
  const required = (name: string, what: string): string => {
    const value = env[name]?.trim() ?? ''
    if (value === '') problems.push(`${name} is not set; set it to ${what}`)
    return value
  }
  const list = (text: string | undefined): string[] =>
    (text ?? '')
      .split(',')
      .map((s) => s.trim())
      .filter((s) => s !== '')
  const namespace = required('WEAVER_NAMESPACE', 'the namespace that the operator runs in (fieldRef metadata.namespace)')
  const identity = required('POD_NAME', "the pod's name (fieldRef metadata.name)")
  const natsServers = list(required('WEAVER_NATS_SERVERS', 'nats:// URLs, separated by commas'))
  for (const url of natsServers)
    if (!/^(nats|tls|ws|wss):\/\/[^/\s]+$/.test(url))
      problems.push(`WEAVER_NATS_SERVERS: "${url}" is not a broker URL; write it as nats://host:4222`)
  const proxyImage = required('WEAVER_PROXY_IMAGE', 'the image of the HAProxy that splits traffic')
  const failOpen = env['WEAVER_PROXY_FAIL_OPEN_SECONDS'] ?? '120'
  if (!/^[0-9]{1,5}$/.test(failOpen)) problems.push(`WEAVER_PROXY_FAIL_OPEN_SECONDS is "${failOpen}"; write a whole number of seconds`)
  const level = env['WEAVER_LOG_LEVEL'] ?? 'info'
  const logLevel = LOG_LEVELS.find((l) => l === level)
  if (logLevel === undefined) problems.push(`WEAVER_LOG_LEVEL is "${level}"; use one of ${LOG_LEVELS.join(', ')}`)
  const address = env['WEAVER_METRICS_ADDRESS'] ?? '0.0.0.0:8080'
  const metrics = /^(.+):([0-9]{1,5})$/.exec(address)
  if (metrics === null || Number(metrics[2]) > 65_535) problems.push(`WEAVER_METRICS_ADDRESS is "${address}"; write it as host:port`)
  const authDirectory = env['WEAVER_NATS_AUTH_DIR'] ?? ''
  const credsFile = env['WEAVER_NATS_CREDS'] ?? ''
  if (problems.length > 0) throw operatorError('WEAVER_OPERATOR_ENVIRONMENT', `the operator cannot start: ${problems.join('; ')}`)
  return {
    namespace,
    identity,
    watchNamespaces: list(env['WEAVER_WATCH_NAMESPACES']),
    natsServers,
    nats:
      authDirectory === ''
        ? { mode: 'shared-account', ...(credsFile === '' ? {} : { credsFile }) }
        : { mode: 'account-per-version', authDirectory },
    proxyImage,
    proxyFailOpenSeconds: Number(failOpen),
    metrics: { host: metrics?.[1] ?? '', port: Number(metrics?.[2]) },
    logLevel: logLevel ?? 'info',
  }
}
