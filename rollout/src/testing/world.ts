/**
 * A small model of the world around the engine: an operator that may die between any two writes and
 * start again, proxies that follow late, versions that come and go, users who change their minds,
 * clocks that are set. It differs from the real one in that a move happens at once, and in that
 * time goes in steps of ten. Every value is frozen: a decision that writes to its input throws.
 */
import { windowOf } from '../analysis/window.js'
import { verbs } from '../commands.js'
import { decide } from '../engine.js'
import { brokenInvariants } from '../invariants.js'
import { ask, carryOut, finishRequests, inputOf, NEW_VERSION, setHealth, syncProxies, tick, type World } from '../model.js'
import type { RolloutDecision, RolloutPolicy, RolloutState, Verb } from '../types.js'

export const POLICY: RolloutPolicy = frozen({
  steps: [
    { weight: 20, holdMs: 10, pause: false },
    { weight: 60, holdMs: 0, pause: true },
    { weight: 100, holdMs: 10, pause: false },
  ],
  progressDeadlineMs: 40,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 30,
})
const PAUSED: RolloutPolicy = frozen({ ...POLICY, paused: true })
export const PAUSING: RolloutPolicy = frozen({ ...POLICY, onFailure: 'pause' })
const ANALYSIS = {
  mode: 'enforce',
  onInconclusive: 'wait',
  initialDelayMs: 0,
  limits: { maxErrorRateIncrease: 0.01, maxLatencyFactor: 1.5, minSamples: 50 },
} as const
export const ANALYSED: RolloutPolicy = frozen({ ...POLICY, analysis: ANALYSIS })
export const ANALYSED_PAUSING: RolloutPolicy = frozen({ ...PAUSING, analysis: { ...ANALYSIS, onInconclusive: 'abort' } })
/** Twice as long as the rollback window, so that both sides of its end are seen. */
export const RETAINING: RolloutPolicy = frozen({ ...POLICY, retain: { forMs: 40, versions: 1 }, rollbackWindowMs: 20 })
const RETAINING_PAUSED: RolloutPolicy = frozen({ ...RETAINING, paused: true })
const PAUSING_PAUSED: RolloutPolicy = frozen({ ...PAUSING, paused: true })
const OTHER: ReadonlyMap<RolloutPolicy, RolloutPolicy> = new Map([
  [POLICY, PAUSED],
  [PAUSED, POLICY],
  [PAUSING, PAUSING_PAUSED],
  [PAUSING_PAUSED, PAUSING],
  [RETAINING, RETAINING_PAUSED],
  [RETAINING_PAUSED, RETAINING],
])
const BEGIN = 1_800_000_000_000
export const START: World = {
  now: BEGIN,
  watchingSince: BEGIN,
  clockSetAt: 0,
  desired: 'v1',
  policy: POLICY,
  state: undefined,
  versions: {},
  asked: [],
}

interface Checked extends RolloutDecision {
  /** The state as the next pass reads it. */
  readonly stored: RolloutState
}

/** One decision with everything that must hold of it. */
export function decideAndCheck(world: World): Checked {
  const input = inputOf(world)
  const decision = decide(input)
  const fail = (why: string): never => {
    throw new Error(`${why}\ninput ${JSON.stringify(input)}\ndecision ${JSON.stringify(decision)}`)
  }
  const broken = brokenInvariants(input, decision)
  if (broken.length > 0) fail(broken.join('; '))
  for (const id of decision.remove) {
    const v = world.versions[id]
    const isChecked = world.state?.removing?.includes(id) !== true && decision.state.burned?.includes(id) !== true
    if (v !== undefined && isChecked && (v.inForce > 0 || v.named)) fail(`version "${id}" is removed under traffic`)
  }
  const stored = frozen(decision.state)
  const again = decide({ ...input, state: stored })
  if (again.events.length > 0 || !isSame(again.weights, decision.weights)) fail(`repeating it does something: ${JSON.stringify(again)}`)
  const { requeueAfterMs } = decision
  if (requeueAfterMs !== undefined && !(requeueAfterMs >= 1)) fail('it wants to look again without any time between')
  if (
    world.asked.includes('abort') &&
    !isBurning(world) &&
    world.state?.commandsSeen?.abort === undefined &&
    decision.state.preview !== undefined
  )
    fail('abort left a preview')
  const burn = world.asked.find((asked) => asked.startsWith('burn '))?.slice('burn '.length)
  if (
    burn !== undefined &&
    world.versions[burn] !== undefined &&
    world.state?.commandsSeen?.burn === undefined &&
    decision.state.burned?.includes(burn) !== true
  )
    fail('burn did not burn')
  return { ...decision, stored }
}

/** It comes before the other verbs, which are dropped. */
function isBurning({ asked }: World): boolean {
  return asked.some((one) => one.startsWith('burn'))
}

/**
 * The pass stores its decision, then acts. `dies`: before it stores, after it stores, or not at
 * all.
 */
export function pass(world: World, dies: 'before' | 'after' | 'never' = 'never', decision: Checked = decideAndCheck(world)): World {
  if (dies === 'before') return world
  const stored = { ...world, state: decision.stored }
  if (dies === 'after') return stored
  return carryOut(stored, decision)
}

export const restartOperator = (world: World): World => ({ ...world, watchingSince: world.now })
/** The operator notices: what was measured by the clock is void. */
export function setClock(world: World, milliseconds: number): World {
  const now = world.now + milliseconds
  return { ...world, now, watchingSince: now, clockSetAt: now }
}
/** The analysis of the present window finds something; all versions are alike in their numbers. */
export function findOut(world: World, kind: 'pass' | 'fail' | 'inconclusive'): World {
  const window = windowOf(world.state)
  return window === undefined || world.policy.analysis === undefined ? world : { ...world, analysis: { window, verdict: VERDICTS[kind] } }
}
const RESERVE = { component: 'shop/Stock', method: 'reserve', what: 'errors', active: 0, samples: { active: 90, preview: 50 } } as const
const VERDICTS = frozen({
  pass: { kind: 'pass', methods: 1, nearest: { ...RESERVE, preview: 0 } },
  fail: { kind: 'fail', blame: { ...RESERVE, preview: 1 } },
  inconclusive: { kind: 'inconclusive', why: 'samples', samples: { active: 90, preview: 4 }, needed: 50 },
} as const)

/** Everything that may happen next. */
export function moves(world: World, decision: Checked): World[] {
  const next = [pass(world, 'never', decision), pass(world, 'after', decision), syncProxies(world), finishRequests(world), tick(world, 10)]
  if (world.watchingSince !== world.now) next.push(restartOperator(world))
  if (world.clockSetAt === 0) next.push(setClock(world, 100), setClock(world, -100))
  for (const [id, v] of Object.entries(world.versions))
    for (const health of ['down', 'up', 'partly'] as const) if (v.health !== health) next.push(setHealth(world, id, health))
  if (world.state?.active !== undefined)
    for (const desired of ['v1', 'v2', 'v3']) if (desired !== world.desired) next.push({ ...world, desired })
  const policy = OTHER.get(world.policy)
  if (policy !== undefined && world.state?.preview !== undefined) next.push({ ...world, policy })
  for (const kind of ['pass', 'fail', 'inconclusive'] as const) {
    const found = findOut(world, kind)
    if (found.analysis !== undefined && found.analysis.verdict !== world.analysis?.verdict) next.push(found)
  }
  const means = (verb: Verb) =>
    verb === 'retry' ? world.state?.failed.includes(world.desired) === true : world.state?.preview !== undefined
  for (const verb of verbs()) if (verb !== 'burn' && means(verb) && !world.asked.includes(verb)) next.push(ask(world, verb))
  // Once, and alone: a burned version leaves less to happen.
  if (world.asked.length === 0 && world.state?.burned === undefined)
    for (const id of Object.keys(world.versions)) next.push(ask(world, `burn ${id}`))
  return next
}

/**
 * Tells worlds apart, as short as it can. Times matter only relative to now, and not beyond the
 * longest limit.
 */
export function createKeys(): (world: World) => string {
  const texts = new Map<string, number>()
  const known = new WeakMap<RolloutState, { readonly id: number; readonly times: readonly number[] }>()
  const read = (state: RolloutState) => {
    const times: number[] = []
    const text = JSON.stringify(state, (_key, value: unknown) => {
      if (typeof value !== 'number' || value < BEGIN / 2) return value
      times.push(value)
      return 'time'
    })
    const id = texts.get(text) ?? texts.size
    texts.set(text, id)
    const found = { id, times }
    known.set(state, found)
    return found
  }
  return (world) => {
    const { now, state, policy } = world
    const ago = (time: number) => Math.max(-10, Math.min(60, now - time))
    let key = `${world.desired}${policy.paused ? 'p' : ''}${world.asked.join()},${ago(world.watchingSince)},${ago(world.clockSetAt)}`
    if (world.analysis !== undefined) key += `,${world.analysis.verdict.kind}${world.analysis.window === windowOf(state) ? '' : 'past'}`
    for (const id in world.versions) {
      const v = world.versions[id] ?? NEW_VERSION
      key += `,${id}${v.health}${v.inForce},${v.inFlight}${v.named ? 'n' : ''}${v.hidden ? 'h' : ''}`
    }
    if (state === undefined) return key
    const { id, times } = known.get(state) ?? read(state)
    key += `|${id}`
    for (const time of times) key += `,${ago(time)}`
    return key
  }
}

/** Plain JSON, as it is stored, and read-only. */
function frozen<T extends object>(value: T): T {
  return freeze(JSON.parse(JSON.stringify(value)) as T) // what JSON makes of a value that is plain JSON
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) freeze(part)
  return Object.freeze(value)
}

function isSame(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((k) => a[k] === b[k])
}
