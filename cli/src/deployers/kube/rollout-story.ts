/** The last rollout of an application as a story, from what the operator has noted of it. Pure. */
import type { WeaverApp } from '@weaver/crds'

export type RolloutOutcome = 'first' | 'promoted' | 'failed' | 'aborted' | 'rolledBack' | 'superseded' | 'burned' | 'underWay'
export interface StoryEntry {
  /** ISO 8601. */
  readonly at: string
  /** Since the start. */
  readonly afterMs: number
  readonly event: string
  readonly message: string
}
export interface RolloutStory {
  readonly version: string
  readonly outcome: RolloutOutcome
  readonly startedAt: string
  /** Absent while it is under way. What follows, such as the drain of the old version, is told too. */
  readonly endedAt?: string
  readonly entries: readonly StoryEntry[]
  /** How the application is now. */
  readonly phase: string
  readonly waitingFor?: string
  /** What the analysis says of the version, while the version is there. */
  readonly analysis?: string
}
/** An event of Kubernetes about the application. */
export interface AppNotice {
  readonly at: string
  readonly reason: string
  readonly message: string
}

const OUTCOMES: Readonly<Record<string, RolloutOutcome>> = {
  Promoted: 'promoted',
  RolloutFailed: 'failed',
  RolloutAborted: 'aborted',
  RolledBack: 'rolledBack',
  Superseded: 'superseded',
  VersionBurned: 'burned',
}

/**
 * @param notices events of Kubernetes: those that the history has too are told once
 * @returns `undefined` when no rollout is noted
 */
export function rolloutStory({ status }: WeaverApp, notices: readonly AppNotice[] = []): RolloutStory | undefined {
  const history = status?.history ?? []
  const from = history.findLastIndex(({ event }) => event === 'RolloutStarted')
  const start = history[from]
  if (start?.version === undefined) return undefined
  const { version, at: startedAt } = start
  const own = history.slice(from)
  // A first version that failed is still waited for, and may be promoted after all.
  const end = own.findLast((entry) => entry.version === version && OUTCOMES[entry.event] !== undefined)
  const isOver = end !== undefined && status?.preview !== version
  const known = new Set(own.map(({ message }) => message))
  const more = notices.filter(({ at, message }) => Date.parse(at) >= Date.parse(startedAt) && !known.has(message))
  const entries = [...own, ...more.map(({ reason, ...notice }) => ({ ...notice, event: reason }))]
    .map(({ at, event, message }) => ({ at, afterMs: Math.max(0, Date.parse(at) - Date.parse(startedAt)), event, message }))
    .sort((a, b) => a.afterMs - b.afterMs)
  const analysis = status?.versions?.find(({ id }) => id === version)?.analysis
  const isFirst = end?.event === 'Promoted' && !own.some((entry) => entry.version === version && entry.event === 'StepStarted')
  return {
    version,
    outcome: !isOver ? 'underWay' : isFirst ? 'first' : (OUTCOMES[end.event] ?? 'underWay'),
    startedAt,
    ...(isOver ? { endedAt: end.at } : {}),
    entries,
    phase: status?.phase ?? 'Pending',
    ...(status?.waitingFor === undefined ? {} : { waitingFor: status.waitingFor }),
    ...(analysis === undefined ? {} : { analysis: `${analysis.state}: ${analysis.reason}` }),
  }
}

const ENDS: Readonly<Record<Exclude<RolloutOutcome, 'underWay'>, string>> = {
  first: 'took all traffic as the first version',
  promoted: 'took all traffic',
  failed: 'failed',
  aborted: 'was aborted',
  rolledBack: 'was taken back, as the spec asked for the active version again',
  superseded: 'was superseded by another version',
  burned: 'was burned',
}

/** The story in lines. */
export function storyLines(name: string, story: RolloutStory): readonly string[] {
  const { version, outcome, startedAt, endedAt, entries, phase, waitingFor, analysis } = story
  const lasted = endedAt === undefined ? '' : lengthOf(Date.parse(endedAt) - Date.parse(startedAt))
  const what = outcome === 'underWay' ? 'is under way' : `${ENDS[outcome]} after ${lasted}`
  return [
    `${name}: version "${version}" ${what}. It began at ${timeOf(startedAt)}:`,
    '',
    ...entries.map(({ afterMs, message }) => `  ${`+${lengthOf(afterMs)}`.padEnd(9)}  ${message}`),
    '',
    ...(analysis === undefined ? [] : [`The analysis of version "${version}" is ${analysis}.`]),
    `Now the phase is ${phase}${waitingFor === undefined ? ', and nothing is awaited' : `; it waits for ${waitingFor}`}.`,
  ]
}

function timeOf(iso: string): string {
  return `${iso.slice(0, 19)}Z`
}

/** `4s`, `1m10s`, `2h05m`. */
function lengthOf(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  return `${Math.floor(seconds / 3_600)}h${two(Math.floor((seconds % 3_600) / 60))}m`
}
