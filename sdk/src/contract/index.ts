// The door `@weaver/sdk/contract`: what both sides of a process border agree on. It loads nothing
// else of the SDK.
export { ownerOf, sliceOf, type Assignment } from './assignment.js'
export { banner } from './banner.js'
export {
  BOOTSTRAP_ENV,
  BOOTSTRAP_VERSION,
  MAIN_COMPONENT,
  MAX_TIMER_MS,
  parseBootstrap,
  type Bootstrap,
  type NatsTls,
} from './bootstrap.js'
export {
  LIVE_PATH,
  METRICS_PATH,
  parseClosingEvent,
  READY_PATH,
  type ClosingEvent,
  type ControlPart,
  type ControlReply,
  type ControlRequest,
  type WeaveletMetrics,
  type WeaveletProfile,
  type WeaveletStatus,
} from './control.js'
export { DESCRIBE_PROGRAM, parseDescribeOutput } from './describe.js'
export {
  DESCRIBE_ENV,
  parseDescribeRequest,
  parseDescription,
  withDescribedConfig,
  type DescribeRequest,
  type Description,
} from './describe-run.js'
export { isWeaverError, reasonOf, WeaverError } from './errors.js'
export { balanceIn, GRAPH_FILE, GRAPH_FORMAT, GRAPH_IMAGE_PATH, parseGraph, type ComponentGraph, type ComponentNode } from './graph.js'
export {
  encodeLeader,
  LEASE_MS,
  LEASE_RENEWAL,
  leaderPollSubject,
  parseLeaderRequest,
  type LeaderAnswer,
  type LeaderRequest,
  type LeaderScope,
} from './leader.js'
export { jsonLine, parseJsonLine, prettyPrinter, type PrettyOptions } from './log-print.js'
export { LOG_LEVELS, parseLogBatch, type LogBatch, type LogEntry, type LogLevel } from './logs.js'
export type { CallFrame, CpuNode, CpuProfile, HeapNode, HeapProfile } from './profiles.js'
export { COMPARED_METRICS, type Exemplar, type MetricFamily, type MetricKind, type MetricSeries } from './metrics.js'
export {
  assignmentSubject,
  BALANCES,
  encodeJson,
  HEARTBEAT_JITTER,
  HEARTBEAT_MS,
  MISSED_HEARTBEATS,
  parseAssignment,
  parseRoutingEvent,
  parseRoutingStatus,
  type AssignmentsReply,
  type AssignmentsRequest,
  type Balance,
  type PresenceEvent,
  type RoutingEvent,
  type RoutingStatus,
  type SliceLoadEvent,
} from './routing.js'
export { CONTROL_PATH, parseSingleLaunch, shortDeploymentId, SINGLE_ENV, type SingleLaunch } from './single.js'
export { shardKey, type RoutingKey } from './shard-key.js'
export { bareNameHint } from './toml-names.js'
export {
  arrivalSubject,
  CALL_QUEUE,
  callSubject,
  controlAllSubject,
  controlSubject,
  deployerInboxPrefix,
  eventSubject,
  everyReplicaSubject,
  groupPermissions,
  inboxPrefix,
  leaderSubject,
  logSubject,
  replicaCallSubject,
  replicaQuerySubject,
  SUBJECT_LAYOUT,
  subjectToken,
  type GroupPermissions,
  type SubjectGroup,
  type SubjectLayout,
} from './subjects.js'
