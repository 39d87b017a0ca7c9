import type { WeaverGen } from '../component/binding.js'
import type { Interceptors } from '../component/interceptor.js'
import type { WorkloadClass } from './workload.js'

/** The application and its workload; the same for all executions of a simulation. */
export interface Subject {
  readonly workload: WorkloadClass
  readonly weaver: WeaverGen
  /** Configuration by component name, before parsing. */
  readonly configOf: (component: string) => unknown
  /** Names of components that never crash. */
  readonly durable: ReadonlySet<string>
  readonly interceptors: Interceptors | undefined
  /** The same as in `run()`. */
  readonly defaultTimeoutMs: number | undefined
}
