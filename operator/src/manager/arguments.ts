export type Command =
  | { readonly kind: 'run' }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'keygen'; readonly secret: string; readonly namespace: string }
  | { readonly kind: 'mistake'; readonly message: string }

export const HELP = `weaver-operator: runs WeaverApps: splits them into workloads, isolates their versions, and moves traffic between them.

Usage:
  weaver-operator                                      run the operator; its settings come from the environment
  weaver-operator keygen --secret NAME --namespace NS  make the broker's keys as a Secret, unless it is there
  weaver-operator --help | --version

Environment of the operator:
  WEAVER_NAMESPACE         namespace that it runs in
  POD_NAME                 its own name, the identity that holds the leader lease
  WEAVER_WATCH_NAMESPACES  namespaces to watch, separated by commas; empty: all
  WEAVER_NATS_SERVERS      broker URLs, separated by commas
  WEAVER_NATS_AUTH_DIR     folder with operator.seed and system.creds: an account for each version
  WEAVER_NATS_CREDS        credentials file of a broker without operator mode (versions then share one account)
  WEAVER_PROXY_IMAGE       image of the proxy that splits traffic
  WEAVER_PROXY_FAIL_OPEN_SECONDS  how long a restarted proxy waits for the operator (default 120)
  WEAVER_METRICS_ADDRESS   /metrics, /healthz and /readyz (default 0.0.0.0:8080)
  WEAVER_LOG_LEVEL         debug, info, warn or error (default info)
`

/** Reads the command line, without the program's own name. */
export function parseArguments(args: readonly string[]): Command {
  const [first, ...rest] = args
  if (args.some((a) => a === '--help' || a === '-h') || first === 'help') return { kind: 'help' }
  if (first === undefined || first === 'run') return rest.length === 0 ? { kind: 'run' } : unexpected(rest[0])
  if (first === '--version' || first === 'version') return { kind: 'version' }
  if (first !== 'keygen') return unexpected(first)
  const flags = new Map<string, string>()
  for (let i = 0; i < rest.length; i += 1) {
    const [flag = '', inline] = (rest[i] ?? '').split('=', 2)
    if (flag !== '--secret' && flag !== '--namespace') return unexpected(rest[i])
    const value = inline ?? rest[(i += 1)]
    if (value === undefined || value === '')
      return { kind: 'mistake', message: `keygen: ${flag} needs a value; see weaver-operator --help` }
    flags.set(flag, value)
  }
  const secret = flags.get('--secret')
  const namespace = flags.get('--namespace')
  if (secret === undefined || namespace === undefined)
    return { kind: 'mistake', message: 'keygen needs --secret NAME and --namespace NS; see weaver-operator --help' }
  return { kind: 'keygen', secret, namespace }
}

function unexpected(argument: string | undefined): Command {
  return { kind: 'mistake', message: `"${argument ?? ''}" is not understood; see weaver-operator --help` }
}
