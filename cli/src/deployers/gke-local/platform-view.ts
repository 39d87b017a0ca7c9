/** What the platform shows of its applications, as plain data: `weaver gke-local status --json`. */
import type { RolloutPhase, RolloutStep } from '@weaver/rollout'
import type { DeploymentView } from '../local/deployment-view.js'
import type { AppState } from './app-state.js'
import type { ProjectedRow } from './projection.js'

export interface PlatformView {
  /** Of the platform. */
  readonly pid: number
  /** Of the load balancer: `localhost:8000`; absent while it is not there. */
  readonly address?: string
  readonly apps: readonly AppView[]
}

export interface AppView {
  readonly app: string
  /** Oldest first. */
  readonly versions: readonly VersionView[]
  readonly traffic: readonly TrafficRow[]
  readonly rollout: {
    readonly isPaused: boolean
    /** The version that is asked for. */
    readonly desired: string
    /** By region. */
    readonly regions: Readonly<Record<string, RegionRollout>>
    readonly projected: readonly ProjectedRow[]
    readonly failure?: AppState['failure']
    readonly history: AppState['history']
  }
}

export interface RegionRollout {
  readonly phase: RolloutPhase
  readonly active?: string
  /** The version that is rolled out; absent: none is. */
  readonly preview?: string
  readonly steps: readonly RolloutStep[]
  /** Index of the present one; -1: the preview has no traffic yet. */
  readonly step: number
  /** Its deadline is over, or the analysis failed, and a user decides what follows. */
  readonly isHalted?: true
  readonly waitingFor?: string
  /** Of the analysis, where there is one. */
  readonly verdict?: { readonly kind: 'pass' | 'fail' | 'inconclusive'; readonly text: string }
}

export interface VersionView {
  readonly deploymentId: string
  /** ISO 8601. */
  readonly submittedAt: string
  readonly config: string
  readonly status: VersionStatus
  /** Why it is not ready, where it is not. */
  readonly blame?: string
  /** By region. */
  readonly copies: Readonly<Record<string, DeploymentView>>
  /** In every region all of its processes are ready. */
  readonly isReady: boolean
}

export type VersionStatus = 'STARTING' | 'ROLLING_OUT' | 'ACTIVE' | 'DELETING' | 'FAILED'

/** One process that serves a host. */
export interface TrafficRow {
  readonly host: string
  readonly isPublic: boolean
  readonly deploymentId: string
  readonly location: string
  readonly address: string
  /** Of the requests for the host, from 0 to 1, as the load balancer has it. */
  readonly fraction: number
}
