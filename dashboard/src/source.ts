/**
 * The port of the dashboard: what it knows of deployments, whoever runs them. Plain data, so that
 * the HTTP API can hand it on as it is. A deployer implements it and knows nothing of pages.
 */
import type { LogEntry, WeaveletMetrics } from '@weaver/sdk/contract'
import type { RolloutSource } from './rollout/rollout-source.js'

export interface DashboardSource {
  /** As it is typed: `weaver multi`. */
  readonly tool: string
  /** Those that run, oldest first. */
  deployments(): Promise<readonly DeploymentSummary[]>
  /** `undefined`: it does not run. */
  deployment(key: string): Promise<DeploymentDetail | undefined>
  /** What each process of a deployment counts; one that does not answer is left out. */
  metrics(key: string): Promise<readonly WeaveletMetrics[]>
  /** Absent: it has no logs to show. */
  readonly logs?: LogFeed
  /** Absent: its deployments replace each other at once. */
  readonly rollouts?: RolloutSource
}

/** The logs of the deployer. The dashboard remembers places, and asks for the entries that a viewer looks at. */
export interface LogFeed {
  /** A query in the language of the deployer's command; `wrong`: what is wrong with it, and where, on several lines. */
  select(selection: { readonly query: string; readonly system: boolean }): LogSelector | { readonly wrong: string }
  /**
   * What is kept of a deployment, in order of time, then what is written from then on, until the
   * signal aborts. Also yields from time to time when nothing is new.
   */
  follow(key: string, signal: AbortSignal): AsyncGenerator<LogBatch>
  /** The entries at such places; `undefined` where one is no longer kept. */
  read(places: readonly number[]): Promise<readonly (LogEntry | undefined)[]>
}

export interface LogSelector {
  readonly isShown: (entry: LogEntry) => boolean
  /** Over how many entries the query failed, and how over the first. */
  readonly problem: () => string | undefined
}

export interface LogBatch {
  readonly entries: readonly PlacedEntry[]
  /** All that is kept has been returned. */
  readonly isCurrent: boolean
}

export interface PlacedEntry {
  readonly entry: LogEntry
  /** Where the feed finds it again. */
  readonly place: number
}

export interface DeploymentSummary {
  /** Names it in URLs, among all deployments of the source. */
  readonly key: string
  readonly app: string
  readonly deploymentId: string
  /** Where several copies of one deployment run: which one this is. */
  readonly location?: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly state: string
  /** Its application has rollouts. */
  readonly hasRollouts?: boolean
  /** Why nothing more is known of it: it does not answer, say. */
  readonly problem?: string
}

export interface DeploymentDetail extends DeploymentSummary {
  /** Path of its weaver.toml. */
  readonly configFile: string
  /** Of the deployer. */
  readonly pid: number
  /** URL, without who connects; absent: there is none. */
  readonly broker?: string
  readonly groups: readonly GroupDetail[]
  readonly listeners: readonly ListenerDetail[]
  /** Configuration by component; secrets are masked before they get here. */
  readonly config: Readonly<Record<string, unknown>>
  /** What a user may type. */
  readonly commands: readonly { readonly text: string; readonly does: string }[]
}

export interface GroupDetail {
  readonly name: string
  readonly components: readonly string[]
  readonly replicas: readonly ReplicaDetail[]
}

export interface ReplicaDetail {
  readonly replica: string
  /** Absent: no process of it runs at the moment. */
  readonly pid?: number
  readonly state: string
  readonly restarts: number
  readonly lastDeath?: { readonly at: string; readonly cause: string; readonly lines: readonly string[] }
  /** Processor time of its process so far. Absent: not known here. */
  readonly cpuMs?: number
  readonly memoryBytes?: number
}

export interface ListenerDetail {
  readonly name: string
  readonly group: string
  /** Where users reach it; absent: by no URL. */
  readonly url?: string
  readonly address: string
  /** Processes behind it. */
  readonly backends: number
}
