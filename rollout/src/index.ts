// The door `@weaver/rollout`: the rollout engine, for whoever runs or simulates rollouts.
export { AnalysisReader } from './analysis/analysis-reader.js'
export type { AnalysisSettings } from './analysis/policy.js'
export type { ReplicaReading } from './analysis/readings.js'
export type { AnalysisTask, VersionReadings } from './analysis/rollout-analysis.js'
export type { AnalysisBlame, ObservedAnalysis, Verdict } from './analysis/verdict.js'
export type { Awaited, AwaitedShare, StepPosition } from './awaited.js'
export { versionsToBurn } from './burning.js'
export { verbs } from './commands.js'
export { decide } from './engine.js'
export type { RolloutEvent, Stall } from './events.js'
export { brokenInvariants } from './invariants.js'
export { rolloutPolicy, type RolloutSettings } from './policy.js'
export { commandNote } from './note.js'
export { versionsLetGo } from './report.js'
export {
  simulate,
  type Happening,
  type SimulatedGroup,
  type SimulatedMoment,
  type SimulatedPace,
  type SimulatedWrite,
  type Simulation,
  type SimulationInput,
} from './simulate.js'
export type {
  DrainingVersion,
  ObservedVersion,
  RolloutCommand,
  RolloutDecision,
  RolloutInput,
  RolloutPhase,
  RolloutPolicy,
  RolloutState,
  RolloutStep,
  Verb,
} from './types.js'
export { BURN_REFUSALS, isWarning, wordAwaited, wordBlame, wordEvent, type RolloutTerms } from './words.js'
