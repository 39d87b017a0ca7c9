export { APP_CONTAINER, CREDS_VOLUME, LEAST_GRACE_SECONDS } from './check-pods.js'
export { checkAgainstGraph, checkConfigAgainstGraph } from './check-graph.js'
export type { CheckOptions } from './check-value.js'
export { CONDITION_TYPES, REASONS, RETIRED_CONDITION_TYPES, type ConditionType, type Reason } from './conditions.js'
export { formatDuration, parseDuration } from './durations.js'
export type { GraphComponent, GraphShape } from './graph-shape.js'
export { MAIN_COMPONENT, resolveGroups, type ResolvedGroup } from './groups.js'
export { ANNOTATIONS, FIELD_MANAGER, FINALIZER, LABELS, MANAGED_BY } from './labels.js'
export {
  componentGroupName,
  deploymentId,
  networkPolicyName,
  describePodName,
  listenerServiceName,
  proxyName,
  proxySecretName,
  revisionName,
  stableServiceName,
  leaderLeaseName,
  workloadName,
  workloadSecretName,
} from './names.js'
export { checkSpec, parseWeaverApp, parseWeaverAppSpec, type ParsedApp, type ParsedSpec } from './parse.js'
export { podRequests } from './pod-requests.js'
export { fieldPath, formatProblem, nearestName, type SpecProblem } from './problems.js'
export { parseQuantity, QUANTITY } from './quantities.js'
export { rolloutSettings, type RolloutSettings } from './rollout-settings.js'
export { ROLLOUT_TERMS } from './rollout-terms.js'
export { canonicalJson, earlierVersionIdOf, isSameVersion, VERSION_ID_LENGTH, versionIdOf } from './version-id.js'
export { versionObjects, type ObjectName } from './version-objects.js'
export {
  API_GROUP,
  API_VERSION,
  WEAVER_APP_KIND,
  WEAVER_APP_PLURAL,
  weaverAppSpecSchema,
  type GroupSpec,
  type ListenerSpec,
  type RolloutSpec,
  type WeaverApp,
  type WeaverAppSpec,
  type WeaverAppSpecInput,
} from './weaver-app.js'
export {
  weaverAppStatusSchema,
  type Condition,
  type VersionAnalysis,
  type VersionStatus,
  type WeaverAppStatus,
} from './weaver-app-status.js'
