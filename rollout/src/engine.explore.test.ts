/**
 * Explores the engine in a small model of the world around it: an operator that may die between any
 * two writes, proxies that follow late, versions that come and go, users who change their minds,
 * clocks that jump. After every single decision the invariants must hold; from every state, once
 * faults stop, the rollout must come to an end; and an abort must end it.
 */
import { verbs } from './commands.js'
import { decide } from './engine.js'
import { brokenInvariants } from './invariants.js'
import { versionsLetGo } from './report.js'
import type { ObservedVersion, RolloutDecision, RolloutInput, RolloutPolicy, RolloutState, Verb } from './types.js'

interface ModelVersion {
  readonly health: 'down' | 'partly' | 'up'
  /** Weight that the proxies really use. */
  readonly inForce: number
  readonly inFlight: number
  readonly named: boolean
  /** What the operator is told may be nothing at all. */
  readonly hidden: boolean
}
interface Model {
  readonly now: number
  readonly desired: string
  readonly policy: RolloutPolicy
  /** As stored by the last pass that got that far. */
  readonly state: RolloutState | undefined
  readonly versions: Readonly<Record<string, ModelVersion>>
  /** Verbs that are given. */
  readonly asked: readonly Verb[]
}

/** How much further than in the ordinary tests: `make explore`. */
const TIMES = Number(process.env['WEAVER_EXPLORE'] ?? 1)

const POLICY: RolloutPolicy = {
  steps: [
    { weight: 20, holdMs: 10, pause: false },
    { weight: 60, holdMs: 0, pause: true },
    { weight: 100, holdMs: 10, pause: false },
  ],
  progressDeadlineMs: 40,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 30,
}
const NEW: ModelVersion = { health: 'down', inForce: 0, inFlight: 0, named: false, hidden: false }
const START: Model = { now: 1_800_000_000_000, desired: 'v1', policy: POLICY, state: undefined, versions: {}, asked: [] }

function observe(model: Model): ObservedVersion[] {
  return Object.entries(model.versions).map(([id, v]) => ({
    id,
    ready: v.health === 'up',
    servable: v.health !== 'down',
    ...(v.hidden ? {} : { weightObserved: v.inForce, inFlight: v.inFlight }),
    released: !v.named && !v.hidden,
  }))
}

/** One decision with everything that must hold of it. */
function decideAndCheck(model: Model): RolloutDecision {
  const input: RolloutInput = {
    now: model.now,
    desired: model.desired,
    policy: model.policy,
    versions: observe(model),
    state: model.state,
    commands: model.asked.map((verb) => ({ verb })),
  }
  const frozen = JSON.stringify(input)
  const decision = decide(input)
  const fail = (why: string): never => {
    throw new Error(`${why}\ninput ${frozen}\ndecision ${JSON.stringify(decision)}`)
  }
  if (JSON.stringify(input) !== frozen) fail('it changed its input')
  if (JSON.stringify(decide(input)) !== JSON.stringify(decision)) fail('it is not deterministic')
  const broken = brokenInvariants(input, decision)
  if (broken.length > 0) fail(broken.join('; '))
  for (const [id, v] of Object.entries(model.versions))
    if (decision.remove.includes(id) && model.state?.removing?.includes(id) !== true && (v.inForce > 0 || v.named))
      fail(`version "${id}" is removed under traffic`)
  const again = decide({ ...input, state: JSON.parse(JSON.stringify(decision.state)) as RolloutState })
  if (again.events.length > 0 || JSON.stringify(again.weights) !== JSON.stringify(decision.weights))
    fail(`repeating it does something: ${JSON.stringify(again)}`)
  if (model.asked.includes('abort') && model.state?.commandsSeen?.abort === undefined && decision.state.preview !== undefined)
    fail('abort left a preview')
  return decision
}

/**
 * The pass stores its decision, then acts. `dies`: before it stores, after it stores, or not at
 * all.
 */
function pass(model: Model, dies: 'before' | 'after' | 'never' = 'never'): Model {
  const decision = decideAndCheck(model)
  if (dies === 'before') return model
  const stored = { ...model, state: JSON.parse(JSON.stringify(decision.state)) as RolloutState }
  if (dies === 'after') return stored
  const versions = { ...model.versions }
  for (const id of decision.keep) versions[id] ??= NEW
  for (const id of decision.remove) delete versions[id]
  return { ...stored, versions, asked: [] }
}

/** The proxies do what the stored state asks. New requests go where weight is. */
function syncProxies(model: Model): Model {
  const gone = versionsLetGo(
    model.state && { draining: model.state.draining, ...(model.state.removing === undefined ? {} : { removing: model.state.removing }) },
  )
  const weights = model.state?.weights ?? {}
  return mapVersions(model, (v, id) => {
    const inForce = weights[id] ?? 0
    return { ...v, inForce, named: !gone.includes(id), inFlight: inForce > 0 ? 1 : v.inFlight }
  })
}

const finishRequests = (model: Model) => mapVersions(model, (v) => ({ ...v, inFlight: v.inForce > 0 ? 1 : 0 }))
const tick = (model: Model, milliseconds: number): Model => ({ ...model, now: model.now + milliseconds })
const setHealth = (model: Model, id: string, health: ModelVersion['health']) =>
  mapVersions(model, (v, name) => (name === id ? { ...v, health } : v))
function mapVersions(model: Model, change: (v: ModelVersion, id: string) => ModelVersion): Model {
  return { ...model, versions: Object.fromEntries(Object.entries(model.versions).map(([id, v]) => [id, change(v, id)])) }
}

/**
 * Faults stop: every version is up unless it is `bad`, proxies follow, requests end, pauses are
 * promoted. The rollout must come to an end.
 */
function runOut(model: Model, bad: readonly string[] = []): Model {
  let m = { ...model, policy: { ...model.policy, paused: false } }
  let quiet = 0
  for (let i = 0; i < 80; i++) {
    m = mapVersions(m, (v, id) => ({ ...v, hidden: false, health: bad.includes(id) ? 'down' : 'up' }))
    const d = decideAndCheck(m)
    m = pass({ ...m, asked: d.phase === 'Paused' && i % 2 === 0 ? ['promote'] : [] })
    m = tick(finishRequests(syncProxies(m)), 10)
    quiet = d.phase === 'Ready' || (d.phase === 'Failed' && d.keep.length + d.remove.length <= 1) ? quiet + 1 : 0
    if (quiet === 3) return m
  }
  throw new Error(`it does not come to an end: ${JSON.stringify(m)} from ${JSON.stringify(model)}`)
}

function mustConverge(model: Model): void {
  const end = runOut(model)
  const { active, failed = [] } = end.state ?? {}
  if (active !== end.desired && !failed.includes(end.desired))
    throw new Error(`it ended on ${active}, not on ${end.desired}: ${JSON.stringify(model)}`)
  if (active !== undefined && end.versions[active]?.inForce !== 100)
    throw new Error(`its active version has not all traffic: ${JSON.stringify(model)}`)
}

function mustAbort(model: Model): void {
  if (model.state?.preview === undefined || model.state.preview !== model.desired) return
  const aborted = pass({ ...model, asked: ['abort'], state: { ...model.state, commandsSeen: {} } })
  if (aborted.state?.preview !== undefined) throw new Error(`abort left a preview: ${JSON.stringify(model)}`)
  const end = runOut(aborted)
  if (Object.keys(end.versions).join() !== (end.state?.active ?? ''))
    throw new Error(`abort left more than the active version: ${JSON.stringify(model)}`)
}

function moves(model: Model): Model[] {
  const next = [pass(model), pass(model, 'after'), syncProxies(model), finishRequests(model), tick(model, 10)]
  for (const [id, v] of Object.entries(model.versions)) {
    for (const health of ['down', 'up', 'partly'] as const) if (v.health !== health) next.push(setHealth(model, id, health))
  }
  if (model.state?.active !== undefined)
    for (const desired of ['v1', 'v2', 'v3']) if (desired !== model.desired) next.push({ ...model, desired })
  const means = (verb: Verb) =>
    verb === 'retry' ? model.state?.failed.includes(model.desired) === true : model.state?.preview !== undefined
  for (const verb of verbs()) if (means(verb) && !model.asked.includes(verb)) next.push(ask(model, verb))
  return next
}

const ask = (model: Model, verb: Verb): Model => ({ ...model, asked: [...new Set([...model.asked, verb])].sort() })

/** Times matter only relative to now, and not beyond the longest limit. */
function keyOf(model: Model): string {
  const relative = (_key: string, value: unknown) =>
    typeof value === 'number' && value > 100_000 ? Math.min(60, model.now - value) : value
  return JSON.stringify({ ...model, now: 0, policy: undefined }, relative)
}

describe('every state that a few moves can reach', () => {
  it.each([
    ['from nothing', START, 12_000 * TIMES],
    ['from a version that serves, when another is asked for', { ...runOut(START), desired: 'v2' }, 25_000 * TIMES],
    ['in mid-rollout', midRollout(), 25_000 * TIMES],
    ['in mid-rollout, when a failure pauses', { ...midRollout(), policy: { ...POLICY, onFailure: 'pause' as const } }, 10_000 * TIMES],
  ])('%s keeps the invariants and can come to an end', (what, start, limit) => {
    const seen = new Set([keyOf(start)])
    let transitions = 0
    const queue: Model[] = [start]
    for (let i = 0; i < queue.length && seen.size < limit; i++) {
      const model = queue[i] ?? start
      for (const next of moves(model)) {
        transitions++
        const key = keyOf(next)
        if (seen.has(key)) continue
        seen.add(key)
        queue.push(next)
      }
      // Each twentieth state: these walk far, and neighbours walk alike.
      if (i % 20 === 0) {
        mustConverge(model)
        mustAbort(model)
      }
    }
    process.stderr.write(`explored ${what}: ${seen.size} states, ${transitions} transitions\n`)
    expect(seen.size).toBeGreaterThanOrEqual(1_000)
  })
})

describe('random lives', () => {
  it('keep the invariants through faults of every kind, and come to an end when faults stop', () => {
    let lives = 0
    for (let seed = 1; seed <= 1_500 * TIMES; seed++) {
      const random = mulberry32(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty
      let m: Model = { ...START, policy: { ...POLICY, onFailure: pick(['rollback', 'pause']), paused: false } }
      const length = 40 + Math.floor(random() * 120)
      try {
        for (let i = 0; i < length; i++) m = randomMove(m, { random, pick })
        mustConverge(m)
        mustAbort(m)
        lives++
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
    expect(lives).toBe(1_500 * TIMES)
  })

  it('with a version that is never ready leave the other one with all traffic', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = mulberry32(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty
      let m: Model = { ...runOut(START), desired: 'v2' }
      for (let i = 0; i < 30; i++) {
        m = randomMove({ ...m, desired: 'v2' }, { random, pick })
        m = setHealth(m, 'v2', 'down')
        if ((m.versions['v2']?.inForce ?? 0) > 0) throw new Error(`seed ${seed}: it got traffic`)
      }
      const end = runOut({ ...m, desired: 'v2', policy: POLICY }, ['v2'])
      expect([end.state?.active, end.versions['v1']?.inForce, end.state?.failed]).toEqual(['v1', 100, ['v2']])
    }
  })
})

interface Dice {
  readonly random: () => number
  pick<T>(list: readonly T[]): T
}

function randomMove(m: Model, { random, pick }: Dice): Model {
  const ids = Object.keys(m.versions)
  const dice = random()
  if (dice < 0.3) return pass(m)
  if (dice < 0.36) return pass(m, pick(['before', 'after']))
  if (dice < 0.52) return syncProxies(m)
  if (dice < 0.6) return finishRequests(m)
  if (dice < 0.74) return tick(m, pick([1, 5, 10, 10, 20, 35]))
  if (dice < 0.75) return tick(m, pick([-3_600_000, 3_600_000]))
  if (dice < 0.88 && ids.length > 0) return setHealth(m, pick(ids), pick(['up', 'up', 'partly', 'down']))
  if (dice < 0.91 && ids.length > 0) return mapVersions(m, (v, id) => (id === ids[0] ? { ...v, hidden: !v.hidden } : v))
  if (dice < 0.94) return { ...m, desired: pick(['v1', 'v2', 'v3']) }
  if (dice < 0.97) return ask(m, pick(verbs()))
  if (dice < 0.98) return { ...m, policy: { ...m.policy, paused: !m.policy.paused } }
  if (dice < 0.99)
    return {
      ...m,
      policy: {
        ...m.policy,
        steps: pick([POLICY.steps, [{ weight: 100, holdMs: 0, pause: false }], POLICY.steps.slice(0, 1).concat(POLICY.steps.slice(2))]),
      },
    }
  return { ...m, state: undefined }
}

function midRollout(): Model {
  let m: Model = { ...runOut(START), desired: 'v2' }
  for (let i = 0; i < 3; i++) m = syncProxies(pass(setHealth(m, 'v2', 'up')))
  if (m.state?.step !== 0) throw new Error('the model is not in mid-rollout')
  return m
}

/** A small seeded generator, so that a failing seed can be run again. */
function mulberry32(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
