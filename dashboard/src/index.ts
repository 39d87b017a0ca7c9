/** The door of `@weaver/dashboard`. */
export type {
  DashboardSource,
  DeploymentDetail,
  DeploymentSummary,
  GroupDetail,
  ListenerDetail,
  LogFeed,
  PlacedEntry,
  ReplicaDetail,
} from './source.js'
export type { RolloutDetail, RolloutSource } from './rollout/rollout-source.js'
export { startDashboard, type Dashboard, type DashboardOptions } from './start-dashboard.js'
