/**
 * One version of an application as `weaver gke-local` knows it: all that is needed to run it again,
 * at any time, without its weaver.toml. Plain data, kept on disk.
 */
import type { Affinity } from '@weaver/proxy'
import type { RolloutSettings } from '@weaver/rollout'
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { Launch } from '../../config/launch.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import type { ProcessGroup } from '../local/process-groups.js'

export interface ExportedListener {
  readonly name: string
  /** By which users reach it on the load balancer. */
  readonly host: string
  readonly isPublic: boolean
}

export interface VersionSpec {
  readonly format: 1
  readonly app: string
  readonly deploymentId: string
  /** Epoch milliseconds. */
  readonly submittedAt: number
  /** Path of its weaver.toml. */
  readonly configPath: string
  /** The first is the canary. */
  readonly regions: readonly string[]
  /** In each region. */
  readonly groups: readonly ProcessGroup[]
  readonly listeners: readonly ExportedListener[]
  readonly graph: ComponentGraph
  /** Of components, by name. */
  readonly config: Readonly<Record<string, unknown>>
  readonly launch: Launch
  readonly broker: FoundBroker
  readonly rollout: Omit<RolloutSettings, 'paused'>
  /** Of users to versions; that of the newest version holds. Absent: each request by itself. */
  readonly affinity?: Affinity
}
