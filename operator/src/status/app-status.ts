import type { Condition, Reason, VersionAnalysis, VersionStatus, WeaverAppStatus } from '@weaver/crds'
import type { RolloutState } from '@weaver/rollout'
import { buildConditions, phaseOf, type PassFindings } from './app-conditions.js'
import { analysisCondition, versionAnalysis } from './analysis-status.js'
import { mergeConditions, type WantedCondition } from './conditions.js'

const HISTORY_LENGTH = 50
const COLUMN_LENGTH = 48
/** Transitions after which a version counts as failed. */
const FAILURES: ReadonlySet<string> = new Set<Reason>([
  'RolloutFailed',
  'RolloutAborted',
  'PreviewDegraded',
  'VersionBurned',
  'BurnedNotStarted',
])

/** One live version as status shows it. */
export interface VersionFacts {
  readonly id: string
  readonly image: string
  readonly digest?: string
  readonly groupsReady: number
  readonly groupsWanted: number
  readonly ready: boolean
  readonly weightDesired: number
  readonly weightObserved?: number
  readonly inFlight?: number
}
export interface StatusInput {
  readonly previous: WeaverAppStatus | undefined
  readonly generation: number
  /** Epoch milliseconds. */
  readonly now: number
  /** Version that the spec asks for; absent when the spec is invalid. */
  readonly desired: string | undefined
  readonly image: string
  readonly versions: readonly VersionFacts[]
  readonly steps: number
  readonly findings: PassFindings
}

/**
 * The whole status of an app, from one pass. A pure function: the same facts give the same status,
 * so that a pass that learned nothing new writes nothing. Without a decision (nothing to decide
 * yet, or suspended) the engine's state is kept.
 */
export function buildAppStatus(input: StatusInput): WeaverAppStatus {
  const { previous, findings, now } = input
  const decision = findings.decision
  const state = decision?.state ?? (previous?.engine as RolloutState | undefined)
  const shown = input.versions.find((v) => v.id === (state?.active ?? state?.preview ?? input.desired))
  const preview = input.versions.find((v) => v.id === state?.preview)
  const weighed = preview ?? input.versions.find((v) => v.id === state?.active)
  const history = [
    ...(previous?.history ?? []),
    ...(decision?.events ?? []).map((e) => ({
      at: new Date(now).toISOString(),
      event: e.reason,
      version: e.version,
      message: e.message,
    })),
  ].slice(-HISTORY_LENGTH)
  const nextUp = decision?.schedule.find((s) => s.at > now)
  const waitingFor = waitingForOf(findings)
  const analyses = versionAnalyses(input, state)
  const compared = analysisConditions(input, { state, analyses })
  const conditions = mergeConditions(
    ((previous?.conditions ?? []) as readonly Condition[]).filter(({ type }) => type !== 'AnalysisPassing' || compared.isKept),
    [...buildConditions(withLastingFailure(findings, history, input.desired)), ...compared.wanted],
    {
      generation: input.generation,
      now: new Date(now).toISOString(),
    },
  )
  return withoutUndefined({
    observedGeneration: input.generation,
    phase: phaseOf(findings),
    ready: shown === undefined ? '0/0' : `${shown.groupsReady}/${shown.groupsWanted}`,
    desired: input.desired,
    active: state?.active,
    preview: state?.preview,
    weight:
      weighed === undefined
        ? undefined
        : `${weighed.weightObserved === undefined ? '?' : Math.round(weighed.weightObserved)}/${weighed.weightDesired}`,
    step: preview === undefined || state === undefined ? undefined : `${Math.max(0, state.step + 1)}/${input.steps}`,
    next: nextUp === undefined ? undefined : `${nextUp.weight}% at ${new Date(nextUp.at).toISOString().slice(0, 19)}Z`,
    waitingFor,
    awaits: waitingFor === undefined ? undefined : inShort(waitingFor),
    image: input.image,
    versions: input.versions.map((v) => versionStatus(v, { state, analysis: analyses.get(v.id) })),
    burned: state?.burned === undefined ? undefined : [...state.burned],
    schedule: decision?.schedule.map((s) => ({ at: new Date(s.at).toISOString(), weight: s.weight })) ?? previous?.schedule,
    engine: state as WeaverAppStatus['engine'], // plain JSON by its own definition
    history,
    conditions,
  })
}

/** The beginning of a sentence, for a column: what is awaited, without why. */
function inShort(waitingFor: string): string {
  const [beginning = ''] = waitingFor.split(/: | \(/, 1)
  return beginning.length <= COLUMN_LENGTH ? beginning : `${beginning.slice(0, COLUMN_LENGTH - 1)}…`
}

function waitingForOf(f: PassFindings): string | undefined {
  if (f.isSuspended) return 'spec.suspend to be set to false'
  if (f.specProblems.length > 0) return `the spec to be corrected: ${f.specProblems[0]}`
  if (f.describe !== undefined && !f.describe.ok) return f.describe.message
  return f.taken[0] ?? f.decision?.waitingFor ?? (f.active === undefined ? undefined : f.traffic?.unreachable)
}

/**
 * A failed version's objects are removed, and with them the reason; history keeps it, and the
 * conditions repeat it until the spec changes.
 */
function withLastingFailure(
  findings: PassFindings,
  history: NonNullable<WeaverAppStatus['history']>,
  desired: string | undefined,
): PassFindings {
  const { decision } = findings
  if (decision?.phase !== 'Failed') return findings
  const entry = history.toReversed().find((h) => h.version === desired && FAILURES.has(h.event))
  if (entry === undefined) return findings
  // History holds the events of this pass, too; its reasons are the engine's own.
  return { ...findings, failedBy: { reason: entry.event as Reason, message: entry.message } }
}

function versionStatus(
  v: VersionFacts,
  context: { readonly state: RolloutState | undefined; readonly analysis: VersionAnalysis | undefined },
): VersionStatus {
  return withoutUndefined({
    id: v.id,
    image: v.image,
    digest: v.digest,
    phase: versionPhase(v, context.state),
    ready: `${v.groupsReady}/${v.groupsWanted}`,
    weightDesired: v.weightDesired,
    weightObserved: v.weightObserved,
    inFlight: v.inFlight,
    analysis: context.analysis,
  })
}

function versionAnalyses({ versions, previous, findings }: StatusInput, state: RolloutState | undefined): Map<string, VersionAnalysis> {
  const { analysis } = findings
  if (analysis === undefined) return new Map()
  const found = versions.map(({ id }) => {
    const before = previous?.versions?.find((v) => v.id === id)?.analysis
    return [id, versionAnalysis(id, analysis, { state, before })] as const
  })
  return new Map(found.flatMap(([id, one]) => (one === undefined ? [] : [[id, one] as const])))
}

/** That a version failed is said for as long as it is asked for, as its failure is. */
function analysisConditions(
  { findings, desired }: StatusInput,
  { state, analyses }: { readonly state: RolloutState | undefined; readonly analyses: ReadonlyMap<string, VersionAnalysis> },
): { readonly wanted: readonly WantedCondition[]; readonly isKept: boolean } {
  const { analysis: facts } = findings
  if (facts === undefined) return { wanted: [], isKept: false }
  const id = state?.preview ?? facts.version ?? ''
  const analysis = analyses.get(id)
  if (analysis === undefined) return { wanted: [], isKept: desired !== undefined && state?.failed.includes(desired) === true }
  return { wanted: [analysisCondition(id, analysis, facts.verdict)], isKept: true }
}

function versionPhase(v: VersionFacts, state: RolloutState | undefined): VersionStatus['phase'] {
  if (state?.burned?.includes(v.id) === true) return 'Burned'
  if (state?.failed.includes(v.id) === true) return 'Failed'
  const draining = state?.draining.find((d) => d.id === v.id)
  if (draining !== undefined) return draining.drained === true ? 'Drained' : 'Draining'
  if (v.ready) return 'Ready'
  if (state?.active === v.id) return 'Degraded'
  return state?.preview === v.id ? 'Starting' : 'Pending'
}

function withoutUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T // only absent optional fields were dropped
}
