/**
 * One decision over one application: the rollout engine, once for each region. Pure.
 *
 * Every region is a complete copy of the application with an active version and perhaps a preview
 * of its own; the engine moves the traffic of that region. What binds regions together is here:
 *
 * W1  Regions lie in waves, the first region alone in the first: the canary. A region's preview
 *     runs from the beginning and is held back (the engine's `paused`) until every region of the
 *     waves before it has promoted it, and whenever it is not ready in one of them. Each wave has
 *     an equal part of the rollout's time.
 * W2  A version that one region gives up is given up in all: each goes back to the version that all
 *     of them ran last, at once; where there is none, to one that is active in some region. That
 *     way has no deadline: a region that gave it up would part from the others for good. A region
 *     that has the version gives it up as well, when it stops being ready before all have it.
 * W3  A region keeps its old version, drained, until the new one has arrived everywhere: going back
 *     needs it. A burned version goes at once.
 */
import {
  brokenInvariants,
  decide,
  isWarning,
  rolloutPolicy,
  wordEvent,
  type ObservedAnalysis,
  type ObservedVersion,
  type RolloutCommand,
  type RolloutDecision,
  type RolloutEvent,
  type RolloutPolicy,
} from '@weaver/rollout'
import { hasArrived, isLastWay, onlyBurns, wayBack, type AppState, type HistoryEntry } from './app-state.js'
import { forgetArrived, watchArrived, type RegionEvent } from './arrived-regions.js'
import { shortIds, TERMS } from './rollout-terms.js'
import type { VersionSpec } from './version-spec.js'

export interface AppObservation {
  /** Epoch milliseconds. */
  readonly now: number
  /** Since when this platform watches without a gap. */
  readonly watchingSince: number
  /** When the clock was last set. */
  readonly clockSetAt: number
  /** By region: every version of which anything runs there. */
  readonly versions: Readonly<Record<string, readonly ObservedVersion[]>>
  /** By region: what a comparison of the two versions has found. */
  readonly analyses?: Readonly<Record<string, ObservedAnalysis | undefined>>
  /** Why weights are not in force. */
  readonly trafficBlame?: string
}

export interface AppDecision {
  readonly state: AppState
  readonly regions: Readonly<Record<string, RolloutDecision>>
  readonly news: readonly HistoryEntry[]
  /** When to look again at the latest; 0: at once. */
  readonly requeueAfterMs?: number
}

const MAX_WAVES = 4
/** A number that plain data can hold. */
const NEVER_MS = Number.MAX_SAFE_INTEGER
const KEPT_HISTORY = 50

/**
 * Regions in the order in which a rollout reaches them: the first alone, the others dealt out to at
 * most three waves more.
 */
export function wavesOf(regions: readonly string[]): readonly (readonly string[])[] {
  const [canary = '', ...others] = regions
  const later = Array.from({ length: Math.min(MAX_WAVES - 1, others.length) }, (_, i) => others.filter((_, j) => j % (MAX_WAVES - 1) === i))
  return [[canary], ...later]
}

/** How traffic moves in each region of a wave. */
export function policyOf(
  { rollout, regions }: Pick<VersionSpec, 'rollout' | 'regions'>,
  how: { readonly isGoingBack: boolean; readonly isLastWay?: boolean; readonly paused: boolean },
): RolloutPolicy {
  const { durationMs = 0 } = rollout
  return rolloutPolicy({
    ...rollout,
    ...(how.isGoingBack ? { strategy: 'cutover' as const } : {}),
    ...(how.isLastWay === true ? { progressDeadlineMs: NEVER_MS } : {}), // W2
    durationMs: durationMs / wavesOf(regions).length,
    paused: how.paused,
  })
}

/**
 * @param spec of the version that is asked for
 * @throws Error when a decision breaks an invariant of the engine; nothing is to be done then
 */
export function decideApp(before: AppState, spec: VersionSpec, seen: AppObservation): AppDecision {
  const { commands = [], ...rest } = before
  const isGoingBack = before.isGoingBack === true
  const wasEverywhere = before.settled === before.desired && before.regions.every((region) => hasArrived(before, region))
  const isBurned = (id: string): boolean => before.burned?.includes(id) === true
  const isReady = (region: string): boolean => seen.versions[region]?.some(({ id, ready }) => id === before.desired && ready) === true
  let state: AppState = rest
  const regions: Record<string, RolloutDecision> = {}
  const events: RegionEvent[] = []
  let isHeldBack = false
  for (const wave of wavesOf(before.regions)) {
    for (const region of wave) {
      const paused = isHeldBack && !isGoingBack // W1
      const analysis = seen.analyses?.[region]
      const input = {
        now: seen.now,
        watchingSince: seen.watchingSince,
        clockSetAt: seen.clockSetAt,
        desired: before.desired,
        policy: policyOf(spec, { isGoingBack, isLastWay: isLastWay(before), paused }),
        known: before.versions,
        versions: (seen.versions[region] ?? []).map((one) => (wasEverywhere || isBurned(one.id) ? one : { ...one, released: false })), // W3
        state: before.engines[region],
        commands: paused ? commands.map(heldBack) : commands,
        ...(analysis === undefined ? {} : { analysis }),
        ...(seen.trafficBlame === undefined ? {} : { trafficBlame: seen.trafficBlame }),
      }
      const decision = decide(input)
      const broken = brokenInvariants(input, decision)
      if (broken.length > 0) throw new Error(`the rollout of "${before.app}" in ${region} is not carried out: ${broken.join('; ')}`)
      regions[region] = decision
      const { commandsSeen: _commandsSeen, ...engine } = decision.state // the next time it is given it is another command
      state = { ...state, engines: { ...state.engines, [region]: engine } }
      events.push(...decision.events.map((event) => ({ region, event })))
    }
    isHeldBack ||= wave.some((region) => !hasArrived(state, region) || !isReady(region))
  }
  const arrived = watchArrived(state, { spec, seen, events, commands })
  ;({ state } = arrived)
  events.push(...arrived.events)
  const news = events.map(({ region, event }) => entryOf(region, event, seen.now))
  state = settle(giveUp(state, events, news), isReady)
  if (news.length > 0) state = { ...state, history: [...state.history, ...news].slice(-KEPT_HISTORY) }
  const waits = [...arrived.waits, ...Object.values(regions).flatMap(({ requeueAfterMs }) => requeueAfterMs ?? [])]
  const isAnother = state.desired !== before.desired || state.settled !== before.settled
  if (isAnother) waits.push(0)
  return { state, regions, news, ...(waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) }) }
}

/** What a command means in a region that the rollout has not reached. */
function heldBack(command: RolloutCommand): RolloutCommand {
  return command.verb === 'promote' || command.verb === 'promoteFull' ? { ...command, verb: 'resume' } : command
}

const ENDS: readonly RolloutEvent['kind'][] = ['RolloutFailed', 'RolloutAborted', 'VersionBurned']

/** W2. A version with nothing to go back to stays wanted. */
function giveUp(state: AppState, events: readonly RegionEvent[], news: readonly HistoryEntry[]): AppState {
  const index = events.findIndex(({ event }) => ENDS.includes(event.kind) && event.version === state.desired)
  const given = news[index]
  if (given === undefined) {
    const isThere = events.some(({ event }) => event.kind === 'Promoted' && event.version === state.failure?.version)
    const { failure: _failure, ...rest } = state
    return isThere ? rest : state
  }
  const { version, at, region, message } = given
  const failure = { version, at, region, message }
  const to = wayBack(state)
  return to === undefined ? { ...state, failure } : { ...goBack(state, to), failure }
}

/**
 * Asks for a version that ran before, in all regions at once; also in one that has given it up.
 */
export function goBack(state: AppState, to: string): AppState {
  const rest = onlyBurns(forgetArrived(state))
  const engines = Object.entries(state.engines).map(([region, engine]) => [
    region,
    { ...engine, failed: engine.failed.filter((id) => id !== to) },
  ])
  return { ...rest, engines: Object.fromEntries(engines), desired: to, isGoingBack: true }
}

/**
 * Notes that the version that is asked for has arrived everywhere. While there is a version to go
 * back to, it must be ready everywhere, too.
 */
function settle(state: AppState, isReady: (region: string) => boolean): AppState {
  if (!state.regions.every((region) => hasArrived(state, region))) return state
  const isFree = state.isGoingBack === true || state.settled === state.desired || wayBack(state) === undefined
  if (!isFree && !state.regions.every(isReady)) return state
  const { isGoingBack: _isGoingBack, ...rest } = forgetArrived(state)
  if (state.settled === state.desired) return rest
  return { ...rest, settled: state.desired, ...(state.settled === undefined ? {} : { before: state.settled }) }
}

function entryOf(region: string, event: RolloutEvent, now: number): HistoryEntry {
  return {
    at: new Date(now).toISOString(),
    region,
    version: event.version,
    kind: event.kind,
    isWarning: isWarning(event),
    message: shortIds(wordEvent(event, TERMS)),
  }
}
