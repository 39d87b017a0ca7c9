/**
 * Regions that give all traffic to the new version before every region does. Their engine has
 * nothing left to decide, so what becomes of a version that stops being ready there is decided
 * here, by the engine's rules: it has the progress deadline to recover; time before the last
 * progress anywhere does not count, nor do a user's pause and what nobody watched. Pure.
 */
import type { ObservedVersion, RolloutCommand, RolloutEvent } from '@weaver/rollout'
import { hasArrived, isLastWay, isPausedByUser, wayBack, type AppState, type Unready } from './app-state.js'
import type { VersionSpec } from './version-spec.js'

export interface RegionEvent {
  readonly region: string
  readonly event: RolloutEvent
}

interface Watch {
  readonly spec: Pick<VersionSpec, 'rollout'>
  readonly seen: {
    readonly now: number
    readonly watchingSince: number
    readonly versions: Readonly<Record<string, readonly ObservedVersion[]>>
  }
  /** Of this decision. */
  readonly events: readonly RegionEvent[]
  readonly commands: readonly RolloutCommand[]
}

interface Watched {
  readonly state: AppState
  readonly events: readonly RegionEvent[]
  readonly waits: readonly number[]
}

const PROGRESS: readonly RolloutEvent['kind'][] = ['StepStarted', 'Promoted']
const PATIENT: readonly RolloutCommand['verb'][] = ['resume', 'promote', 'promoteFull']

export function watchArrived(before: AppState, { spec, seen, events, commands }: Watch): Watched {
  const to = wayBack(before)
  const state = forgetArrived(before)
  if (to === undefined || before.settled === before.desired || isLastWay(before)) return { state, events: [], waits: [] }
  const isFresh = events.some(({ event }) => PROGRESS.includes(event.kind)) || commands.some(({ verb }) => PATIENT.includes(verb))
  const { progressDeadlineMs: deadlineMs = Number.MAX_SAFE_INTEGER, onFailure } = spec.rollout
  const unready: Record<string, Unready> = {}
  const lost: RegionEvent[] = []
  const waits: number[] = []
  for (const region of before.regions.filter((one) => hasArrived(before, one))) {
    const version = seen.versions[region]?.find(({ id }) => id === before.desired)
    const last = isFresh ? {} : (before.unready?.[region] ?? {})
    const since = Math.min(seen.now, last.since ?? seen.now - (last.ms ?? 0))
    const ms = seen.now - Math.max(since, seen.watchingSince)
    if (version?.ready === true || isPausedByUser(before) || last.isHalted === true) {
      const now = { ...(ms > 0 ? { ms } : {}), ...(last.isHalted === true ? { isHalted: true as const } : {}) }
      if (Object.keys(now).length > 0) unready[region] = now
    } else if (ms < deadlineMs) {
      unready[region] = { since }
      waits.push(deadlineMs - ms)
    } else {
      const { blame } = version ?? {}
      const stall = { deadlineMs, missing: 'ready' as const, ...(blame === undefined ? {} : { blame }) }
      const of = { version: before.desired, stall }
      lost.push({ region, event: onFailure === 'pause' ? { kind: 'RolloutHalted', ...of } : { kind: 'RolloutFailed', ...of, active: to } })
      unready[region] = { ms, isHalted: true }
    }
  }
  return { state: Object.keys(unready).length === 0 ? state : { ...state, unready }, events: lost, waits }
}

/** Another version is asked for, or this one has arrived everywhere. */
export function forgetArrived({ unready: _unready, ...rest }: AppState): AppState {
  return rest
}

/** Whether a region waits for a user, as the version did not recover there. */
export function isHaltedAnywhere({ unready = {}, engines }: AppState): boolean {
  return Object.values(unready).some(({ isHalted }) => isHalted === true) || Object.values(engines).some(({ halted }) => halted === true)
}
