// The door `@weaver/deployer`: what every deployer needs, whatever it deploys to.
export { assign, type AssignOptions, type SliceLoads } from './assignment/assign.js'
export {
  startAssignmentController,
  type AssignmentController,
  type AssignmentControllerOptions,
} from './assignment/assignment-controller.js'
export { freePort, natsServerCommand, startNatsServer } from './broker/nats-server.js'
export { natsServerConfig, natsUrlOf, type NatsAccount } from './broker/nats-server-config.js'
export { brokerControl, type AskOptions, type ControlChannel } from './control/control-channel.js'
export type { ControllerPort } from './control/controller-port.js'
export { controlReplyReader } from './control/control-reply-reader.js'
export { causeText, deathText, lastWords, type Death, type DeathCause } from './envelope/death.js'
export {
  problemOf,
  startEnvelope,
  type End,
  type Envelope,
  type EnvelopeEvent,
  type EnvelopeOptions,
  type EnvelopeOutput,
  type EnvelopeState,
  type WeaveletIdentity,
} from './envelope/envelope.js'
export { nextStep, type Backoff, type DeathRecord, type NextStep, type RestartPolicy } from './envelope/restart-policy.js'
export {
  LIFELINE_FD,
  spawnProcess,
  type OutputStream,
  type ProcessCommand,
  type ProcessListener,
  type StartProcess,
  type WeaveletProcess,
} from './envelope/weavelet-process.js'
export { DEPLOYER_ERRORS, type DeployerErrorCode, type DeployerErrorEntry } from './errors/catalogue.js'
export { startLeaderController, type LeaderController, type LeaderControllerOptions } from './leader/leader-controller.js'
export { createMemoryLeases, type LeaderLeases, type LeaseName } from './leader/leader-leases.js'
export { captureLines, type CaptureOptions, type LineCapture } from './logs/log-capture.js'
export { methodCounters, type MethodCounters } from './metrics/method-counters.js'
export { mergeCpuProfiles, mergeHeapProfiles } from './profiles/merge-profiles.js'
