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
  /** What there is configuration for: names of components or their last parts. */
  readonly configSections?: readonly string[]
  /** What to do when any of it is wrong, where all of it has one reason. */
  readonly configRemedy?: string | undefined
  /** Components whose implementation a test has replaced. */
  readonly replaced?: ReadonlySet<string> | undefined
  /** Listeners that there is an address for, where that is to be checked. */
  readonly configListeners?: readonly string[]
  /** `host:port` to bind, by listener name. */
  readonly addressOf: (listener: string) => string
  readonly logSink: LogSink
  /** Gets the connection to the broker when there is one. */
  readonly logShipper?: LogShipper | undefined
  /** Local calls copy arguments and results, as calls between processes do. @default false */
  readonly copyArgs?: boolean
  readonly interceptors?: Interceptors | undefined
  /** Where a deployer without a broker asks: path of a Unix socket, or of a named pipe on Windows. */
  readonly controlSocket?: string | undefined
  /** How long a call may take where neither method nor component says, in milliseconds. @default 30000 */
  readonly defaultTimeoutMs?: number | undefined
  /** For an application with an OpenTelemetry SDK. */
  readonly tracing?: TracingOptions
  /** `main()` failed, or the connection to the broker, or a subscription, is lost for good. The process must stop with an error: it does nothing useful any more. */
  readonly onFailed: (error: unknown) => void
  readonly signal?: AbortSignal
}
