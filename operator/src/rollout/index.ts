export { decide } from './engine.js'
export { brokenInvariants } from './invariants.js'
export { rolloutPolicy } from './policy.js'
export { versionsLetGo } from './report.js'
export type {
  DrainingVersion,
  ObservedVersion,
  RolloutDecision,
  RolloutEvent,
  RolloutInput,
  RolloutPhase,
  RolloutPolicy,
  RolloutState,
  RolloutStep,
} from './types.js'
