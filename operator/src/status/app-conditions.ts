import type { Reason } from '@weaver/crds'
import type { RolloutPhase } from '@weaver/rollout'
import type { AnalysisFacts } from './analysis-status.js'
import type { WantedCondition } from './conditions.js'
import type { WordedDecision } from './rollout-words.js'

/** What one pass learned that conditions report. */
export interface PassFindings {
  /** Invalid fields of the spec, with path and remedy; the live versions keep serving. */
  readonly specProblems: readonly string[]
  readonly isSuspended: boolean
  /** Of the version that the spec asks for; absent when it no longer needs a description. */
  readonly describe?: { readonly ok: boolean; readonly reason: Reason; readonly message: string }
  /** Whether the version asked for runs by digest; `undefined`: not described yet. */
  readonly pin?: { readonly pinned: boolean; readonly message: string }
  readonly decision?: WordedDecision
  /**
   * The history's event for the desired version when it failed: its objects are removed, and with
   * them the reason.
   */
  readonly failedBy?: { readonly reason: Reason; readonly message: string }
  readonly active?: { readonly id: string; readonly ready: boolean; readonly servable: boolean; readonly blame?: string }
  readonly preview?: { readonly id: string; readonly ready: boolean; readonly blame?: string }
  readonly traffic?: {
    readonly inSync: boolean
    /** Why weights are not read back; the requested ones then count as in force. */
    readonly assumedBecause?: string
    readonly waitingFor?: string
    readonly unreachable?: string
  }
  /** Absent: no version is compared. */
  readonly analysis?: AnalysisFacts
  readonly isolation: 'account-per-version' | 'shared-account'
  /** Versions whose groups can read each other's answers: an older release created them. */
  readonly sharedInboxes: readonly string[]
  /** Work that failed in this pass and is retried. */
  readonly failures: readonly string[]
  /** Names that the app needs and that objects of others have: object, owner and remedy. */
  readonly taken: readonly string[]
}

/**
 * The phase that users see: the engine's, unless that would report the previous version's `Ready`
 * while the desired one does not exist yet, or cannot.
 */
export function phaseOf(f: PassFindings): RolloutPhase | 'Suspended' {
  if (f.isSuspended) return 'Suspended'
  const phase = f.decision?.phase
  if (phase !== undefined && phase !== 'Ready') return phase
  if (f.specProblems.length > 0 || f.describe?.reason === 'NotAWeaverImage') return 'Failed'
  if (f.describe?.ok === false) return phase === undefined ? 'Pending' : 'Starting'
  // The version is complete, but something between users and the version is not.
  if (phase === 'Ready' && (f.taken.length > 0 || unreachableActive(f) !== undefined)) return 'Degraded'
  return phase ?? 'Pending'
}

/**
 * Conditions of the whole app. `Reconciling` and `Stalled` are abnormal-true (kstatus); `Ready` is
 * there from the first sight.
 */
export function buildConditions(f: PassFindings): WantedCondition[] {
  const phase = phaseOf(f)
  const isSettled = phase === 'Ready'
  const isFailed = f.decision?.phase === 'Failed'
  const stalled = stalledBecause(f)
  const unreachable = unreachableActive(f)
  const waitingFor =
    (f.describe?.ok === false ? f.describe.message : f.decision?.waitingFor) ?? unreachable ?? f.traffic?.waitingFor ?? `phase ${phase}`
  const failed = failure(f)
  const conditions: WantedCondition[] = [
    stalled === undefined && isSettled
      ? {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: `version "${f.active?.id ?? ''}" serves all traffic and every group is ready`,
        }
      : {
          type: 'Ready',
          status: stalled === undefined && f.decision === undefined ? 'Unknown' : 'False',
          reason: stalled?.reason ?? phase,
          message: stalled?.message ?? waitingFor,
        },
    {
      type: 'Reconciling',
      status: !isSettled && stalled === undefined ? 'True' : 'False',
      reason: phase,
      message: isSettled ? 'nothing is awaited' : waitingFor,
    },
    stalled === undefined
      ? { type: 'Stalled', status: 'False', reason: 'NotStalled', message: 'nothing needs a person' }
      : { type: 'Stalled', status: 'True', ...stalled },
    isFailed
      ? { type: 'Progressing', status: 'False', ...failed }
      : f.isSuspended
        ? {
            type: 'Progressing',
            status: 'False',
            reason: 'Suspended',
            message: 'spec.suspend is true: nothing is created, moved or removed',
          }
        : {
            type: 'Progressing',
            status: isSettled ? 'False' : 'True',
            reason: phase,
            message: isSettled ? 'no rollout is under way' : waitingFor,
          },
    f.active?.servable === true && unreachable === undefined
      ? { type: 'Available', status: 'True', reason: 'ActiveServes', message: `version "${f.active.id}" serves` }
      : {
          type: 'Available',
          status: 'False',
          reason: f.active === undefined ? 'NoActiveVersion' : f.active.servable ? 'NotReachable' : 'NoReadyEndpoint',
          message: (f.active?.servable === true ? unreachable : f.active?.blame) ?? noVersion(f),
        },
    degraded(f),
    {
      type: 'Isolated',
      status: f.isolation === 'account-per-version' ? 'True' : 'False',
      reason: f.isolation === 'account-per-version' ? 'AccountPerVersion' : 'SharedAccount',
      message:
        f.isolation === 'account-per-version'
          ? `each version has a broker account of its own; nothing of another version exists there${sharedInboxes(f.sharedInboxes)}`
          : 'the broker has no operator mode: versions share one account and are told apart by the names of their subjects only',
    },
  ]
  conditions.push(...ofTheImage(f))
  if (f.traffic !== undefined)
    conditions.push({
      type: 'TrafficInSync',
      status: f.traffic.inSync ? 'True' : 'False',
      reason: f.traffic.inSync ? 'InSync' : 'Converging',
      message: f.traffic.inSync
        ? f.traffic.assumedBecause === undefined
          ? 'every proxy has read back the asked weights'
          : `the asked weights are taken as in force: ${f.traffic.assumedBecause}, and nothing reads them back`
        : (f.traffic.waitingFor ?? 'the proxies have not read back the asked weights yet'),
    })
  return conditions
}

function noVersion({ decision }: PassFindings): string {
  return decision?.state.burned === undefined ? 'no version has taken traffic yet' : 'every version that took traffic is burned'
}

/** Why users do not reach an active version that could serve them. */
function unreachableActive(f: PassFindings): string | undefined {
  return f.active === undefined ? undefined : f.traffic?.unreachable
}

/**
 * What is known of the requested image. When nothing is, it says so: what was true of another
 * version must not stay.
 */
function ofTheImage(f: PassFindings): WantedCondition[] {
  const conditions: WantedCondition[] = []
  const unknown = unknownBecause(f)
  if (f.describe !== undefined)
    conditions.push({
      type: 'Described',
      status: f.describe.ok ? 'True' : f.describe.reason === 'Describing' ? 'Unknown' : 'False',
      reason: f.describe.reason,
      message: f.describe.message,
    })
  else if (unknown !== undefined) conditions.push({ type: 'Described', status: 'Unknown', ...unknown })
  if (f.pin !== undefined)
    conditions.push({
      type: 'ImagePinned',
      status: f.pin.pinned ? 'True' : 'False',
      reason: f.pin.pinned ? 'PinnedByDigest' : 'NoDigest',
      message: f.pin.message,
    })
  else if (unknown !== undefined) conditions.push({ type: 'ImagePinned', status: 'Unknown', ...unknown })
  return conditions
}

function unknownBecause(f: PassFindings): { readonly reason: Reason; readonly message: string } | undefined {
  if (f.specProblems.length > 0)
    return { reason: 'InvalidSpec', message: 'the spec is wrong; the image is looked at when it is corrected (see the condition Stalled)' }
  if (f.describe?.ok === false) return { reason: f.describe.reason, message: f.describe.message }
  if (f.isSuspended) return { reason: 'Suspended', message: 'spec.suspend is true: the image is looked at when it is set to false' }
  return undefined
}

function failure(f: PassFindings): { readonly reason: Reason; readonly message: string } {
  if (f.failedBy !== undefined) return f.failedBy
  const message = f.decision?.events.at(-1)?.message ?? f.decision?.waitingFor ?? 'the rollout failed; the version before it serves on'
  return { reason: 'RolloutFailed', message }
}

function stalledBecause(f: PassFindings): { readonly reason: Reason; readonly message: string } | undefined {
  if (f.specProblems.length > 0) return { reason: 'InvalidSpec', message: f.specProblems.join('; ') }
  if (f.taken[0] !== undefined) return { reason: 'NameTaken', message: f.taken.join('; ') }
  if (f.describe !== undefined && !f.describe.ok && f.describe.reason !== 'Describing')
    return { reason: f.describe.reason, message: f.describe.message }
  if (f.decision?.phase === 'Failed')
    return (
      f.failedBy ?? {
        reason: 'RolloutFailed',
        message: f.decision.waitingFor ?? 'the version asked for failed; change the spec, or set it back',
      }
    )
  return undefined
}

function degraded(f: PassFindings): WantedCondition {
  const type = 'Degraded'
  if (f.taken[0] !== undefined) return { type, status: 'True', reason: 'NameTaken', message: f.taken.join('; ') }
  if (f.failures.length > 0) return { type, status: 'True', reason: 'WorkFailed', message: f.failures.join('; ') }
  if (f.decision?.phase === 'Failed') return { type, status: 'True', ...failure(f) }
  const unreachable = unreachableActive(f)
  if (unreachable !== undefined) return { type, status: 'True', reason: 'NotReachable', message: unreachable }
  if (f.active !== undefined && !f.active.ready)
    return { type, status: 'True', reason: 'ActiveNotReady', message: f.active.blame ?? `version "${f.active.id}" is not ready` }
  return { type, status: 'False', reason: 'AsExpected', message: 'no fault is known' }
}

function sharedInboxes(versions: readonly string[]): string {
  if (versions.length === 0) return ''
  const names = versions.map((id) => `"${id}"`).join(', ')
  return `. Inside of version ${names} groups can hear each other's answers: its image was built by an older release; run \`weaver generate\` and build it again`
}
