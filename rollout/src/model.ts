/**
 * A small model of the world around the engine: `simulate` plays a rollout in it, and the tests look
 * for faults ([testing/world](testing/world.ts)). A move is a pure function and happens at once; how
 * long it takes is up to the caller.
 */
import type { ObservedAnalysis } from './analysis/verdict.js'
import { versionsLetGo } from './report.js'
import type { ObservedVersion, RolloutCommand, RolloutDecision, RolloutInput, RolloutPolicy, RolloutState, Verb } from './types.js'

export interface ModelVersion {
  readonly health: 'down' | 'partly' | 'up'
  /** Weight that the proxies really use. */
  readonly inForce: number
  readonly inFlight: number
  readonly named: boolean
  /** The operator is not told its weight, its requests, and whether a proxy names it. */
  readonly hidden: boolean
}
export type Asked = Verb | `burn ${string}`
export interface World {
  readonly now: number
  /** Since when the operator's process watches. */
  readonly watchingSince: number
  /** When the clock was last set; 0: never. */
  readonly clockSetAt: number
  readonly desired: string
  readonly policy: RolloutPolicy
  /** As stored by the last pass that got that far. */
  readonly state: RolloutState | undefined
  readonly versions: Readonly<Record<string, ModelVersion>>
  /** Verbs that are given; `burn v1` names a version. */
  readonly asked: readonly Asked[]
  /** What was last found of a preview; its window may be over. */
  readonly analysis?: ObservedAnalysis | undefined
}

export const NEW_VERSION: ModelVersion = Object.freeze({ health: 'down', inForce: 0, inFlight: 0, named: false, hidden: false })

/** What the engine is given. */
export function inputOf(world: World): RolloutInput {
  return {
    now: world.now,
    watchingSince: world.watchingSince,
    clockSetAt: world.clockSetAt,
    desired: world.desired,
    policy: world.policy,
    versions: Object.entries(world.versions).map(([id, v]) => observed(id, v)),
    state: world.state,
    ...(world.analysis === undefined ? {} : { analysis: world.analysis }),
    commands: world.asked.map(commandOf),
  }
}

function commandOf(asked: Asked): RolloutCommand {
  const [, version] = asked.split(' ')
  return version === undefined ? { verb: asked as Verb } : { verb: 'burn', version } // by its type
}

function observed(id: string, v: ModelVersion): ObservedVersion {
  const seen = { id, ready: v.health === 'up', servable: v.health !== 'down', released: !v.named && !v.hidden }
  return v.hidden ? seen : { ...seen, weightObserved: v.inForce, inFlight: v.inFlight }
}

/** Makes and removes versions as the engine decided, and takes its commands back. */
export function carryOut(world: World, { keep, remove }: Pick<RolloutDecision, 'keep' | 'remove'>): World {
  const versions = { ...world.versions }
  for (const id of keep) versions[id] ??= NEW_VERSION
  for (const id of remove) delete versions[id]
  return { ...world, versions, asked: [] }
}

/** The proxies do what the stored state asks. New requests go where weight is. */
export function syncProxies(world: World): World {
  const gone = versionsLetGo(world.state)
  const weights = world.state?.weights ?? {}
  return mapVersions(world, (v, id) => {
    const inForce = weights[id] ?? 0
    return { ...v, inForce, named: !gone.includes(id), inFlight: inForce > 0 ? 1 : v.inFlight }
  })
}

export const finishRequests = (world: World): World => mapVersions(world, (v) => ({ ...v, inFlight: v.inForce > 0 ? 1 : 0 }))
export const tick = (world: World, milliseconds: number): World => ({ ...world, now: world.now + milliseconds })
export const setHealth = (world: World, id: string, health: ModelVersion['health']): World =>
  mapVersions(world, (v, name) => (name === id ? { ...v, health } : v))
export const ask = (world: World, asked: Asked): World => ({ ...world, asked: [...new Set([...world.asked, asked])].sort() })
export function mapVersions(world: World, change: (v: ModelVersion, id: string) => ModelVersion): World {
  const versions: Record<string, ModelVersion> = {}
  for (const id of Object.keys(world.versions)) versions[id] = change(world.versions[id] ?? NEW_VERSION, id)
  return { ...world, versions }
}
