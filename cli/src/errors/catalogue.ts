import { WeaverError } from '@weaver/sdk/contract'

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, timeout: 124, interrupted: 130, unread: 141 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Every error of the command line: when it occurs and which exit code it has. Codes are stable. */
export const CLI_ERRORS = {
  WEAVER_CLI_USAGE: { exit: EXIT.usage, when: 'arguments or flags contradict each other, or a value has the wrong form' },
  WEAVER_CLI_CONFIG_INVALID: { exit: EXIT.usage, when: 'weaver.toml cannot be read, or something in it is wrong; every problem is listed' },
  WEAVER_CLI_GENERATE_FAILED: {
    exit: EXIT.failed,
    when: 'the sources break a rule of the generator; each breach is listed with its place',
  },
  WEAVER_CLI_GENERATED_STALE: { exit: EXIT.failed, when: 'generated files are missing or older than what they are made from' },
  WEAVER_CLI_GRAPH: { exit: EXIT.usage, when: 'a weaver.graph.json cannot be read, or is not one' },
  WEAVER_CLI_NOT_BUILT: { exit: EXIT.failed, when: 'the file to run, or weaver.graph.json, does not exist' },
  WEAVER_CLI_DESCRIBE_FAILED: {
    exit: EXIT.failed,
    when: 'the built application could not describe its configuration, or a schema takes what a configuration file cannot express',
  },
  WEAVER_CLI_CHILD_FAILED: { exit: EXIT.failed, when: 'the application could not be started' },
  WEAVER_CLI_STATE: { exit: EXIT.failed, when: 'there is no place for logs and the list of running deployments' },
  WEAVER_CLI_SYSTEM: {
    exit: EXIT.failed,
    when: 'the operating system refuses to read or write a file: a full disk, a missing permission, too many open files',
  },
  WEAVER_CLI_NOT_RUNNING: {
    exit: EXIT.failed,
    when: 'no deployment, or none of that name, runs on this machine, or no log of that name is kept; or several run and none was named',
  },
  WEAVER_CLI_UNREACHABLE: { exit: EXIT.failed, when: 'a running application does not answer the command, or refuses what it asks' },
  WEAVER_CLI_NATS: {
    exit: EXIT.failed,
    when: 'there is no broker for the processes of a deployment, or it cannot be started; the message says how to get one',
  },
  WEAVER_CLI_PORT_IN_USE: { exit: EXIT.failed, when: 'the address of a listener cannot be bound' },
  WEAVER_CLI_MACHINE: { exit: EXIT.failed, when: 'a machine of `weaver ssh` cannot be reached or used; the message is what ssh said' },
  WEAVER_CLI_PLATFORM: {
    exit: EXIT.failed,
    when: 'the platform of `weaver gke-local`, a process that outlives the command, cannot be started; the message says what it said last',
  },
  WEAVER_CLI_REFUSED: { exit: EXIT.failed, when: 'what was asked of a running application cannot be; the message says why' },
  WEAVER_CLI_DEPLOYMENT_ENDED: {
    exit: EXIT.failed,
    when: 'a process of `multi` has ended, and the restart policy is to stop the deployment then; or the application of `single` has ended by itself, and its exit code is that of the command',
  },
  WEAVER_CLI_DEPENDENCY_MISSING: { exit: EXIT.failed, when: 'a package that package.json names is not installed' },
  WEAVER_CLI_LOG_QUERY: { exit: EXIT.usage, when: '`--query` is not an expression over log entries; the message shows the place' },
  WEAVER_CLI_IMAGE_REFERENCE: { exit: EXIT.usage, when: 'an image name is malformed' },
  WEAVER_CLI_REGISTRY: { exit: EXIT.failed, when: 'a registry refused or did not answer; network failures and 5xx were retried' },
  WEAVER_CLI_REGISTRY_AUTH: { exit: EXIT.failed, when: 'a registry wants credentials, or refused the ones given' },
  WEAVER_CLI_ENGINE: { exit: EXIT.failed, when: 'docker, podman or buildah failed' },
  WEAVER_CLI_KUBECONFIG: { exit: EXIT.usage, when: 'there is no usable kubeconfig or no such context' },
  WEAVER_CLI_KUBE_UNREACHABLE: { exit: EXIT.failed, when: 'the API server does not answer' },
  WEAVER_CLI_KUBE_REFUSED: { exit: EXIT.failed, when: 'the API server refused a request; the message is its own' },
  WEAVER_CLI_KUBE_UNAUTHORIZED: { exit: EXIT.failed, when: 'the API server does not accept the credentials of the kubeconfig' },
  WEAVER_CLI_KUBE_FORBIDDEN: { exit: EXIT.failed, when: 'the user may not do this on the cluster' },
  WEAVER_CLI_KUBE_NOT_FOUND: { exit: EXIT.failed, when: 'the app or the namespace does not exist' },
  WEAVER_CLI_KUBE_CONFLICT: {
    exit: EXIT.failed,
    when: 'fields of the WeaverApp belong to another field manager and --no-force was given, or it was changed meanwhile',
  },
  WEAVER_CLI_NO_VERSION: { exit: EXIT.failed, when: 'the version to roll back to is not known, or cannot be made from its record' },
  WEAVER_CLI_OPERATOR_MISSING: { exit: EXIT.failed, when: 'the cluster does not know the kind WeaverApp' },
  WEAVER_CLI_APPS_LEFT: {
    exit: EXIT.failed,
    when: 'the command would remove what applications need from a cluster, and applications exist',
  },
  WEAVER_CLI_HELM: { exit: EXIT.failed, when: 'Helm is not installed or failed, or did not install what is to be removed' },
  WEAVER_CLI_ROLLOUT_FAILED: { exit: EXIT.failed, when: 'the rollout failed; the message is the condition that says why' },
  WEAVER_CLI_TIMEOUT: { exit: EXIT.timeout, when: '--timeout ended before the rollout did' },
  WEAVER_CLI_DETACHED: { exit: EXIT.interrupted, when: 'Ctrl-C while a rollout was followed; it goes on' },
  WEAVER_CLI_INTERRUPTED: { exit: EXIT.interrupted, when: 'Ctrl-C before there was a result' },
  WEAVER_CLI_DECLINED: { exit: EXIT.failed, when: 'a question was answered with no, or could not be asked and --yes was not given' },
} as const satisfies Record<string, { readonly exit: ExitCode; readonly when: string }>
export type CliErrorCode = keyof typeof CLI_ERRORS

export function cliError(
  code: CliErrorCode,
  message: string,
  options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
): WeaverError {
  return new WeaverError(code, message, options)
}

/** The exit code of an error: its own when it is one of the catalogue, else `failed`. */
export function exitCodeOf(error: unknown): number {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  return code in CLI_ERRORS ? CLI_ERRORS[code as CliErrorCode].exit : EXIT.failed // `in` has just said so
}
