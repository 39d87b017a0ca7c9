import type { WeaverGen } from '../component/binding.js'
import type { Interceptors } from '../component/interceptor.js'
import type { WorkloadClass } from './workload.js'

/** The application and what is done to it; the same for all executions of a simulation. */
export interface Subject {
  readonly workload: WorkloadClass
  readonly weaver: WeaverGen
  /** Configuration by component name, before parsing. */
  readonly configOf: (component: string) => unknown
  /** Names of components that never crash. */
  readonly durable: ReadonlySet<string>
  readonly interceptors: Interceptors | undefined
  /** As that of `run()`. */
  readonly defaultTimeoutMs: number | undefined
}
