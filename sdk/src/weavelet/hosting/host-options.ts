import type { Calls, ComponentBinding, WeaverGen } from '../../component/binding.js'
import type { Component, Main } from '../../component/component.js'
import type { Interceptors } from '../../component/interceptor.js'
import type { Route } from '../../rpc/replicas/route.js'
import type { Logger } from '../../telemetry/logger.js'
import type { Tracing } from '../../telemetry/tracing/tracing.js'
import type { BoundListener } from '../listener/listener.js'

export interface HostOptions {
  readonly app: new () => Main
  readonly gen: WeaverGen
  /** Name of this process among the replicas, as seen by callees. */
  readonly replica: string
  /** Components hosted here; `undefined` for all. */
  readonly hosted: ReadonlySet<string> | undefined
  /** Configuration by component name, before parsing. */
  readonly configOf: (component: string) => unknown
  /** Names with configuration: components, or their last parts. */
  readonly configSections: readonly string[]
  /** The remedy for problems of the configuration. */
  readonly configRemedy?: string | undefined
  /** Components that a test has replaced, which need not read their configuration. */
  readonly replaced?: ReadonlySet<string> | undefined
  /** Listeners with an address. */
  readonly configListeners?: readonly string[]
  readonly listenerFor: (name: string) => BoundListener
  /** How a stub calls a component hosted elsewhere; `undefined` if none is. */
  readonly invoker: ((binding: ComponentBinding, caller: string) => Calls) | undefined
  readonly tracing: Tracing | undefined
  /** Whether local calls copy arguments and results. */
  readonly copyArgs: boolean
  readonly interceptors?: Interceptors | undefined
  /** How calls of a component find the owner of their key; `undefined` if it is not routed. */
  readonly routeTo?: (token: Component<unknown>) => Route | undefined
  /** Whether other processes can currently be reached. */
  readonly isConnected?: () => boolean
  /**
   * Resolves when a component hosted elsewhere answers; rejects when the signal aborts. Absent: the
   * start does not wait for them.
   */
  readonly whenServed?: ((component: string, signal: AbortSignal) => Promise<void>) | undefined
  /** How long the start waits for them, in milliseconds. @default START_WAIT_MS */
  readonly startWaitMs?: number | undefined
  /** Default time limit of calls, in milliseconds. */
  readonly defaultTimeoutMs?: number | undefined
  /** Problems of the options of `run()`. */
  readonly runProblems?: readonly string[]
  readonly log: Logger
}
