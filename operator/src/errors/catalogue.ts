import { WeaverError } from '@weaver/sdk/contract'

export interface OperatorErrorEntry {
  /** When it occurs: the second half of a sentence that begins with the code. */
  readonly when: string
  /**
   * Whether the operator retries by itself, until the cause is gone. `exits`: the process ends, and
   * its Deployment restarts it.
   */
  readonly retry: 'always' | 'exits'
  /** What to do. */
  readonly remedy: string
}

/**
 * Every error of the operator. Codes are stable and never reused; docs/operator-errors.md is made
 * from this.
 */
export const OPERATOR_ERRORS = {
  WEAVER_BOOTSTRAP_TOO_LARGE: {
    when: 'what the pods of a group need to know, most of it configuration, does not fit into one environment variable (128 KiB on Linux). No object of the version is made.',
    retry: 'always',
    remedy: 'Put what is large into a file and name the file in the configuration, or spread the components over more groups.',
  },
  WEAVER_BROKER_ACCOUNT_TOO_LARGE: {
    when: 'the account of a version is larger than the largest message that the broker takes; each pair of groups that call each other adds to it.',
    retry: 'always',
    remedy: 'Put components that call each other into one group (`spec.groups`), or raise `max_payload` of the broker.',
  },
  WEAVER_BROKER_CONNECT: {
    when: 'the broker cannot be reached, or refuses the credentials.',
    retry: 'always',
    remedy: 'Check that the broker runs and that `WEAVER_NATS_SERVERS` names it. After a change of keys, restart the operator.',
  },
  WEAVER_BROKER_NOT_CONNECTED: {
    when: 'the connection to the broker is not there yet, or was lost, when an account or a count of calls in flight is needed. Versions that run go on.',
    retry: 'always',
    remedy: 'Check that the broker runs. The operator reconnects by itself.',
  },
  WEAVER_BROKER_PUSH: {
    when: 'not every server of the broker took the account of a version. No pod of the version starts before they have.',
    retry: 'always',
    remedy: 'The message has the answer. If it is a refusal: the operator and the servers need the keys of one `weaver-operator keygen`.',
  },
  WEAVER_BROKER_REFUSED: {
    when: "the broker does not let the operator's user listen for answers.",
    retry: 'always',
    remedy: 'Let the user of the shared account publish and subscribe to `wv.>`.',
  },
  WEAVER_KEYGEN_SECRET: {
    when: 'the Secret of broker keys exists and lacks one of them; `weaver-operator keygen` changes nothing then.',
    retry: 'exits',
    remedy: 'Delete the Secret to have it made anew, or name another. New keys need a restart of the broker and of the operator.',
  },
  WEAVER_KUBECONFIG: {
    when: 'the operator runs outside a pod and there is no usable kubeconfig, or it names no cluster for its context.',
    retry: 'exits',
    remedy: 'Name a kubeconfig in `KUBECONFIG`; in a pod none is needed.',
  },
  WEAVER_KUBE_API: {
    when: 'the Kubernetes API refuses a request, or does not answer within its time limit. `details` has `status` and `reason`.',
    retry: 'always',
    remedy:
      'The message names the object and, where the reason is known, what to do. A refusal for lack of rights: install the chart of the same release as the image.',
  },
  WEAVER_NAME_TAKEN: {
    when: 'a name that an app needs belongs to an object that is not its own. That object is left alone; the condition `Stalled` names it and its owner.',
    retry: 'always',
    remedy: 'Rename one of them, delete the object, or give it to the app with the annotation `weaver.dev/adopt`.',
  },
  WEAVER_OPERATOR_ENVIRONMENT: {
    when: 'an environment variable of the operator is missing or wrong, or a file that it names cannot be read; the message lists them all.',
    retry: 'exits',
    remedy: 'Correct the values of the chart; the message names each variable.',
  },
  WEAVER_OPERATOR_LISTEN: {
    when: 'the address for metrics and health checks cannot be bound.',
    retry: 'exits',
    remedy: 'Set `WEAVER_METRICS_ADDRESS` to a free address.',
  },
  WEAVER_PROXY_ADMIN: {
    when: "a proxy's administration port cannot be reached, closes, is silent for too long, or refuses a command. The proxy keeps its last weights.",
    retry: 'always',
    remedy:
      'The message names the proxy. If it stays: look at the log of that pod, and whether a NetworkPolicy keeps the operator from port 9443.',
  },
  WEAVER_PROXY_STATE: {
    when: 'the key `state.json` in the ConfigMap of a proxy cannot be read, because it was edited or written by another release. No weight is changed.',
    retry: 'always',
    remedy: 'Remove the key; the bindings are then taken from the proxies that run.',
  },
  WEAVER_ROLLOUT_INVARIANT: {
    when: 'a decision of the rollout engine violates its invariants. Nothing is written and no traffic moves.',
    retry: 'always',
    remedy: 'This is a bug of Weaver: report it with the message and `status.engine` of the app.',
  },
  WEAVER_SNAPSHOT_INVALID: {
    when: 'the ControllerRevision of a version does not hold a snapshot that this release reads.',
    retry: 'always',
    remedy: 'Delete the ControllerRevision; if the spec asks for the version, it is described again.',
  },
} as const satisfies Readonly<Record<string, OperatorErrorEntry>>
export type OperatorErrorCode = keyof typeof OPERATOR_ERRORS

export function operatorError(
  code: OperatorErrorCode,
  message: string,
  options?: ConstructorParameters<typeof WeaverError>[2],
): WeaverError {
  return new WeaverError(code, message, options)
}
