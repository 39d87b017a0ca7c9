import type { WeaverGen } from '../component/binding.js'
import type { Main } from '../component/component.js'
import type { Interceptors } from '../component/interceptor.js'
import type { Deployment } from '../context/deployment.js'
import type { Bootstrap } from '../contract/bootstrap.js'
import type { LogShipper } from '../telemetry/log-shipper.js'
import type { LogSink } from '../telemetry/logger.js'
import type { TracingOptions } from '../telemetry/tracing/tracing.js'
import type { RunLimits } from './run-limits.js'

export interface WeaveletOptions extends RunLimits {
  readonly app: new () => Main
  readonly gen: WeaverGen
  readonly deployment: Deployment
  /** Absent: everything runs here. */
  readonly bootstrap?: Bootstrap
  /** Configuration by component name. */
  readonly configOf: (component: string) => unknown
  /** Names with configuration: components, or their last parts. */
  readonly configSections?: readonly string[]
  /** The remedy for any problem of configuration, if all have one reason. */
  readonly configRemedy?: string | undefined
  /** Components whose implementation a test has replaced. */
  readonly replaced?: ReadonlySet<string> | undefined
  /** Listeners with an address, if that is to be checked. */
  readonly configListeners?: readonly string[]
  /** `host:port` to bind, by listener name. */
  readonly addressOf: (listener: string) => string
  readonly logSink: LogSink
  /** Receives the connection to the broker, if there is one. */
  readonly logShipper?: LogShipper | undefined
  /**
   * Whether local calls copy arguments and results, as calls between processes do.
   * @default false
   */
  readonly copyArgs?: boolean
  readonly interceptors?: Interceptors | undefined
  /**
   * Where a deployer without a broker sends requests: path of a Unix socket, or on Windows of a
   * named pipe.
   */
  readonly controlSocket?: string | undefined
  /** Default time limit of calls, in milliseconds. @default 30000 */
  readonly defaultTimeoutMs?: number | undefined
  /** For an application with an OpenTelemetry SDK. */
  readonly tracing?: TracingOptions
  /**
   * Called when `main()` failed, or the connection to the broker, or a subscription, is lost for
   * good. The process must stop with an error: it no longer does anything useful.
   */
  readonly onFailed: (error: unknown) => void
  readonly signal?: AbortSignal
}
