// The door `@weaver/sdk/sim`.
export type { SimFailure } from './failure.js'
export { historyText, type SimEvent, type SimEventKind } from './world/history.js'
export { mermaid } from './mermaid.js'
export type { SimParameters, SimSweep } from './parameters.js'
export { simulate, type GraveyardOutcome, type SimulateOptions, type SimulationResult } from './simulate.js'
export { SimulationError, type SimReport } from './simulation-error.js'
export { op, type Operation, type SimulatedApp, type Workload, type WorkloadClass } from './workload.js'
