// The door `@weaver/deployer`: what every deployer needs, whatever it deploys to.
export { assign, movedPerMille, type AssignOptions, type SliceLoads } from './assignment/assign.js'
export {
  startAssignmentController,
  type AssignmentController,
  type AssignmentControllerOptions,
} from './assignment/assignment-controller.js'
export type { ControllerPort } from './control/controller-port.js'
export { controlReplyReader } from './control/control-reply-reader.js'
export { startLeaderController, type LeaderController, type LeaderControllerOptions } from './leader/leader-controller.js'
export { createMemoryLeases, type LeaderLeases, type LeaseName } from './leader/leader-leases.js'
export { captureLines, type CaptureOptions, type LineCapture } from './logs/log-capture.js'
export { mergeCpuProfiles, mergeHeapProfiles } from './profiles/merge-profiles.js'
