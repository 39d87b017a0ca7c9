import type { WeaverAppStatus } from '@weaver/crds'
import { SUBJECT_LAYOUT } from '@weaver/sdk/contract'
import type { KubeObject } from '@weaver/kube'
import type { Broker } from '../broker/broker.js'
import type { RolloutPolicy, RolloutState } from '@weaver/rollout'
import type { AnalysisFacts } from '../status/analysis-status.js'
import { buildAppStatus } from '../status/app-status.js'
import type { WordedDecision } from '../status/rollout-words.js'
import type { TrafficObservation } from '../traffic/driver.js'
import type { DesiredVersion } from './desired-version.js'
import { forStatus, type Version } from './version.js'

/** A WeaverApp as the API server returns it: anything that passed its schema. */
export interface AppObject extends KubeObject {
  readonly spec?: unknown
  readonly status?: WeaverAppStatus
}

export interface AppEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly version?: string
}

/** Everything that one pass learned and decided. */
export interface PassFacts {
  readonly app: AppObject
  /** Epoch milliseconds. */
  readonly now: number
  readonly isolation: Broker['isolation']
  readonly failures: readonly string[]
  /** Names that the app needs and that objects of others have. */
  readonly taken: readonly string[]
  readonly desired: DesiredVersion
  readonly versions: readonly Version[]
  readonly traffic: TrafficObservation
  readonly decision: WordedDecision | undefined
  readonly isSuspended: boolean
  readonly policy: RolloutPolicy | undefined
  readonly analysis: AnalysisFacts
  readonly weights: Readonly<Record<string, number>>
}

/** The status that follows from a pass. */
export function statusOf(pass: PassFacts): WeaverAppStatus {
  const { app, desired, versions, decision } = pass
  const state = decision?.state ?? (app.status?.engine as RolloutState | undefined) // written by the engine itself
  const live = (id: string | undefined) => versions.find((v) => v.plan.versionId === id)?.observed
  const wanted = versions.find((v) => v.plan.versionId === desired.id)?.plan.snapshot
  const active = live(state?.active)
  const preview = live(state?.preview)
  return buildAppStatus({
    previous: app.status,
    generation: app.metadata.generation ?? 0,
    now: pass.now,
    desired: desired.id,
    image: desired.spec?.image ?? String((app.spec as { readonly image?: unknown } | undefined)?.image ?? ''),
    versions: versions.map((v) => forStatus(v, pass.weights)),
    steps: pass.policy?.steps.length ?? 0,
    findings: {
      specProblems: desired.specProblems,
      isSuspended: pass.isSuspended,
      ...(desired.describe === undefined ? {} : { describe: desired.describe }),
      ...(wanted === undefined ? {} : { pin: pinOf(wanted) }),
      ...(decision === undefined ? {} : { decision }),
      ...(active === undefined ? {} : { active }),
      ...(preview === undefined ? {} : { preview }),
      ...(versions.length === 0 ? {} : { traffic: pass.traffic }),
      ...(pass.policy?.analysis === undefined ? {} : { analysis: pass.analysis }),
      isolation: pass.isolation,
      sharedInboxes: versions.filter(({ plan }) => plan.snapshot.graph.subjects !== SUBJECT_LAYOUT).map(({ plan }) => plan.versionId),
      failures: pass.failures,
      taken: pass.taken,
    },
  })
}

function pinOf({ digest, imageReference, whyUnpinned, spec }: Version['plan']['snapshot']): {
  readonly pinned: boolean
  readonly message: string
} {
  return digest === undefined
    ? {
        pinned: false,
        message: `the tag runs: ${whyUnpinned ?? 'no digest'}; a tag that is pushed again reaches pods as they restart, some before others`,
      }
    : { pinned: true, message: `every pod runs "${imageReference}"${hintOfTag(spec.image)}` }
}

/** The registry is not asked again: the spec has not changed. */
function hintOfTag(image: string): string {
  if (image.includes('@')) return ''
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1] ?? 'latest'
  return `, what tag "${tag}" named when the version was made; pushing that tag again makes no new version: give another tag or the digest`
}

/** A status without the counts, which change in every pass, and what is said of them. */
export function withoutCounts(status: WeaverAppStatus | undefined): unknown {
  return {
    ...status,
    versions: status?.versions?.map((v) => ({ ...v, inFlight: 0, analysis: v.analysis?.state })),
    conditions: status?.conditions?.map((c) => (c.type === 'AnalysisPassing' ? { ...c, message: '' } : c)),
  }
}
