/**
 * Whether a retry can help.
 *
 * - `no`: it fails the same way until something is changed.
 * - `yes`: nothing has happened yet; a retry may succeed a moment later.
 * - `if-repeatable`: it may have happened already. Retry only what may happen twice; `mayHaveRun`
 *   of a `RemoteCallError` says which case it is.
 */
export type Retry = 'no' | 'yes' | 'if-repeatable'

export interface ErrorEntry {
  /** When it occurs: completes a sentence that starts with the code. */
  readonly when: string
  readonly retry: Retry
  /** What to do about it. */
  readonly remedy: string
}

/**
 * Every code that the SDK raises, each an `ErrorEntry`. Codes are stable and never reused;
 * `docs/errors.md` is generated from this.
 */
export const SDK_ERRORS = {
  WEAVER_BOOTSTRAP_INVALID: {
    when: 'the variable `WEAVER_BOOTSTRAP`, which a deployer sets, or `WEAVER_SINGLE` of `weaver single deploy`, is not JSON, is of another release, or lacks a field.',
    retry: 'no',
    remedy: 'Use a deployer and an SDK of the same release. To run the application alone, unset the variable.',
  },
  WEAVER_CODEC_INVALID: {
    when: 'an argument or a result is not what its type says, so it cannot be sent to another process.',
    retry: 'no',
    remedy:
      'The message names the method. Look for `any`, a cast or unchecked input on the way to it; the compiler was given a wrong type.',
  },
  WEAVER_COMPONENT_CYCLE: {
    when: 'components refer to each other in a circle; the message shows the path.',
    retry: 'no',
    remedy:
      'Break the circle: pass what is needed as an argument, move what both need into a third component, or let one refer to the other by `lazyRef`.',
  },
  WEAVER_COMPONENT_NAME: {
    when: '`component()` is given a name that is not a component name.',
    retry: 'no',
    remedy: 'Use letters, digits, `_` and `-`, in parts divided by `/`, such as `shop/Cart`.',
  },
  WEAVER_CONFIG_FILE: {
    when: 'the file that `WEAVER_CONFIG` (or `SERVICEWEAVER_CONFIG`) names cannot be read, is not TOML, or has a field of the wrong kind.',
    retry: 'no',
    remedy: 'The message names the file, and line and column where it has them.',
  },
  WEAVER_CONSTRUCT_FAILED: {
    when: 'the constructor or a field initialiser of a component throws.',
    retry: 'no',
    remedy: 'The cause is logged with its stack. Move work that can fail into `init()`, and checks of configuration into its schema.',
  },
  WEAVER_CONTROL_INVALID: {
    when: 'a process does not understand a request of its deployer, and answers with this code; nothing is thrown there. Thrown to a deployer that is answered with bytes that are not a reply.',
    retry: 'no',
    remedy: 'Use a deployer and an SDK of the same release.',
  },
  WEAVER_ENVIRONMENT_INVALID: {
    when: 'an environment variable of the process has an invalid value; the message names both.',
    retry: 'no',
    remedy: 'Set it to one of the values in the message, or unset it.',
  },
  WEAVER_GRAPH_INVALID: {
    when: 'the component graph of a build (`weaver.graph.json`, in an image `/weaver/graph.json`) is missing, damaged or of another release.',
    retry: 'no',
    remedy: 'Run `weaver generate` and build the image again.',
  },
  WEAVER_INIT_FAILED: {
    when: '`init()` of a component throws; the components that had started are shut down, and the process ends with 1.',
    retry: 'yes',
    remedy: 'The cause is logged with its stack. A deployer restarts the process, by when a late dependency may be there.',
  },
  WEAVER_LEASE_ENDED: {
    when: 'a replica no longer leads: its lease was not renewed in time, the deployer granted the leadership to another replica, or the process stops. It is the reason of the signal of `lead()`, and of calls that `lead()` makes.',
    retry: 'no',
    remedy: 'Let `lead()` end. It runs again when this replica gets the lease again.',
  },
  WEAVER_LISTENER_BIND: {
    when: 'the address of a listener is not `host:port`, or cannot be bound.',
    retry: 'no',
    remedy: 'End the process that has the port, choose another one, or use port 0 for any free one.',
  },
  WEAVER_LISTENER_CLOSED: {
    when: '`serve()` is called while the process is stopping.',
    retry: 'no',
    remedy: 'None if the process was stopped that early. Otherwise serve the listener earlier in `main()`.',
  },
  WEAVER_LISTENER_TWICE: {
    when: '`serve()` is called on a listener that already serves.',
    retry: 'no',
    remedy: 'Declare one listener for each server.',
  },
  WEAVER_METRIC_INVALID: {
    when: 'a metric has a wrong name, label or bound, a name of the runtime, or one under which another is written; is declared twice with another meaning; or a counter goes down, or grows without end.',
    retry: 'no',
    remedy: 'Use letters, digits and `_`; let counters end in `_total` and only grow; declare each metric once, as a constant of a module.',
  },
  WEAVER_NATS_CONNECT: {
    when: 'a process that needs the broker could not connect to it for a minute.',
    retry: 'yes',
    remedy: 'Check that NATS runs, that its address is right, and that it accepts the credentials in the message.',
  },
  WEAVER_NATS_FORBIDDEN: {
    when: 'the broker does not let the user of a process subscribe to a subject that it needs, at the start or after its permissions have changed.',
    retry: 'yes',
    remedy:
      'The process ends with 1 and its deployer restarts it. The message names subject and user: give that user the permission, or the process the credentials of its own group.',
  },
  WEAVER_NATS_LOST: {
    when: 'the NATS client library has closed the connection for good. A broker that is away or refuses a process never causes it: connecting is then retried without end.',
    retry: 'yes',
    remedy: 'The process ends with 1 and its deployer restarts it. The reason is in the message.',
  },
  WEAVER_NATS_REFUSED: {
    when: 'the broker answers but rejects this process: it refuses the credentials, or they are too long for a line of its protocol.',
    retry: 'no',
    remedy:
      'Do what the message says. On Kubernetes the operator makes the credentials: `weaver kube status` shows whether it could create the account on the broker.',
  },
  WEAVER_NODE_TOO_OLD: {
    when: '`run()` is called on a Node that is older than the SDK allows; the process ends with 1.',
    retry: 'no',
    remedy: 'Run it on Node 24 LTS, or at least on the version in the message.',
  },
  WEAVER_NOT_STARTED: {
    when: 'a component in the same process is called before it has started, or after it was stopped.',
    retry: 'yes',
    remedy: 'Call other components from `init()` or later, not from a constructor or a field initialiser.',
  },
  WEAVER_NO_CONSTRUCTION: {
    when: '`ref()`, `lazyRef()`, `optionalRef()`, `listener()`, `config()` or `logger()` is called outside of a class that the runtime is constructing.',
    retry: 'no',
    remedy:
      'Use them as fields of a class given to `implement()` or `run()`; in a unit test construct it with `construct(Class, { refs, config })`.',
  },
  WEAVER_NO_REF: {
    when: '`construct()` makes a class with a ref that is not in `refs`.',
    retry: 'no',
    remedy: 'Add the pair `[Token, object]` to `refs`.',
  },
  WEAVER_ROUTING_KEY: {
    when: 'a router returns a value that is not a key, such as undefined, a Date or an object of a class. The call is not made, not even in one process.',
    retry: 'no',
    remedy: 'Return a number, a bigint, a string, or a list or plain object of them.',
  },
  WEAVER_RPC_CANCELLED: {
    when: 'the signal in the context of a call aborted before its answer arrived. The callee sees it in its own context.',
    retry: 'if-repeatable',
    remedy: 'None if the caller intended it. `cause` is the reason of the signal.',
  },
  WEAVER_RPC_DEADLINE: {
    when: 'no answer arrived before the deadline: that of the context, or `timeoutMs` of the method (30 s by default), whichever is earlier.',
    retry: 'if-repeatable',
    remedy: 'Look for what is slow behind the method; give it more time with `timeoutMs`, or more replicas.',
  },
  WEAVER_RPC_DISCONNECTED: {
    when: 'the connection to the broker was lost while waiting for the answer, or was down for a second. Calls of methods that may run twice have already been retried.',
    retry: 'if-repeatable',
    remedy: 'Look at the broker. For a method in `notRetriable`, find out first whether it ran.',
  },
  WEAVER_RPC_FINGERPRINT: {
    when: 'caller and callee are of different builds. The method did not run.',
    retry: 'no',
    remedy: 'One deployment is one build: see which process was started from another image, and whether two deployments share an id.',
  },
  WEAVER_RPC_OVERLOADED: {
    when: 'a replica already runs its maximum of calls of the component (10 000), or the maximum of calls of one caller (65 536) already wait for an answer. The method did not run. Other replicas have already been tried.',
    retry: 'yes',
    remedy: 'Look for what is slow behind the method, add replicas, or make fewer calls at once.',
  },
  WEAVER_RPC_PEER_LOST: {
    when: 'the replica that had a call is gone: its process ended, or lost its connection to the broker; or the request, its answer or a part of one was lost on the way; or it owned the key of the call and missed three heartbeats. A stream also fails with it when the replica was asked to stop, or was silent for ten seconds; on the callee it is then the reason of the signal. Calls of methods that may run twice have already been retried.',
    retry: 'if-repeatable',
    remedy:
      'See the logs of the replica. For a method in `notRetriable`, find out first whether it ran; reopen a stream after the last item that arrived.',
  },
  WEAVER_RPC_PROTOCOL: {
    when: 'a request, an answer or the error of a method could not be decoded or encoded: damaged bytes, or a process that is not part of the application.',
    retry: 'if-repeatable',
    remedy: 'See who else may publish in the account of this version. Two processes of one build never cause it.',
  },
  WEAVER_RPC_TOO_LARGE: {
    when: 'the arguments (the method did not run) or the result (it ran) exceed the maximum size of a message: 16 MiB unless `run()` sets another; or one item of a stream takes more than 16 MiB.',
    retry: 'no',
    remedy: 'Send less at once, such as pages, a stream, or a reference to an object store; or raise `maxMessageBytes` of `run()`.',
  },
  WEAVER_RPC_UNAVAILABLE: {
    when: 'there have been no responders for a second: no replica of the component serves. The method did not run.',
    retry: 'yes',
    remedy: 'See why no replica of its group is ready: its logs, and the conditions of the WeaverApp.',
  },
  WEAVER_SDK_TWICE: {
    when: 'two copies of `@weaver/sdk` are in one process. `context()`, `withContext()` and `registerError()` of one copy have no effect on the other, so the application does not start; a copy that is loaded later is refused where it is imported.',
    retry: 'no',
    remedy:
      'The message names the folder of each. Install one version (`npm ls @weaver/sdk`, `npm dedupe`, `overrides`); a package of components has `@weaver/sdk` as a peer dependency, and a bundle leaves it out or contains all that uses it.',
  },
  WEAVER_SIM_FAILED: {
    when: 'an execution of `simulate()` went wrong: an operation, `invariant()` or `end()` threw, a promise that nothing awaits was rejected, or nothing came to an end. The error is a `SimulationError`.',
    retry: 'no',
    remedy:
      'The message shows the smallest case that was found, and its history; `cause` is what was thrown, `report` has the rest. The seed, or the file in the graveyard, reproduces it.',
  },
  WEAVER_SIM_GRAVEYARD: {
    when: 'a file in the graveyard of `simulate()` is not JSON, of another version, or lacks a field.',
    retry: 'no',
    remedy: 'Delete the file, or restore it from version control.',
  },
  WEAVER_SIM_INVALID: {
    when: '`simulate()` is given a workload or options that make no sense, or a workload calls a component where it cannot.',
    retry: 'no',
    remedy: 'The message names the operation or the option.',
  },
  WEAVER_SIM_NOT_DETERMINISTIC: {
    when: 'an execution of `simulate()` failed, and took another course when it was run again.',
    retry: 'no',
    remedy:
      'The message shows the first difference. Look for state of a module that one execution leaves to the next, and for time, randomness, files and sockets that the simulator does not control.',
  },
  WEAVER_SIM_STALLED: {
    when: 'an execution of `simulate()` waits for something that never happens, or never ends. It is the `cause` of a WEAVER_SIM_FAILED.',
    retry: 'no',
    remedy:
      'The message names operations and calls that are still running. Look for a deadlock, a loop that retries forever, or a wait for something real.',
  },
  WEAVER_START_INVALID: {
    when: 'classes, generated file, configuration and bootstrap do not fit each other, or there are several problems of any kind. All are reported at once, before anything runs.',
    retry: 'no',
    remedy: 'Each problem names its component and what to do; where it is the generated file, run `weaver generate`.',
  },
  WEAVER_TEST: {
    when: '`weaverTest()` is given options that do not go together, cannot start what it needs, or finds that the test left something behind.',
    retry: 'no',
    remedy: 'The message names the option, the process or what is left; where there is no `nats-server`, how to get one.',
  },
} as const

export type SdkErrorCode = keyof typeof SDK_ERRORS
