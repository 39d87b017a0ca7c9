/**
 * Explores the engine in a model of the world around it ([world](testing/world.ts)). After every
 * single decision the invariants must hold; from every state, once faults stop, the rollout must
 * come to an end; and an abort must end it.
 */
import { verbs } from './commands.js'
import { ask, finishRequests, mapVersions, setHealth, syncProxies, tick, type Asked, type World } from './model.js'
import { mulberry32 } from './testing/random.js'
import {
  ANALYSED,
  ANALYSED_PAUSING,
  createKeys,
  decideAndCheck,
  findOut,
  moves,
  pass,
  PAUSING,
  POLICY,
  RETAINING,
  restartOperator,
  setClock,
  START,
} from './testing/world.js'
import type { RolloutDecision } from './types.js'

/** How much further than in the ordinary tests: `make explore`. */
const TIMES = Number(process.env['WEAVER_EXPLORE'] ?? 1)
/** Enough for every rollout here to end. */
const MAX_TURNS = 80

/** The world when faults stop: every version is up unless it is `bad`, nothing is hidden or paused. */
function heal(world: World, bad: readonly string[] = []): World {
  return mapVersions({ ...findOut(world, 'pass'), policy: unpaused(world) }, (v, id) => ({
    ...v,
    hidden: false,
    health: bad.includes(id) ? 'down' : 'up',
  }))
}

/** One turn of a healed world: proxies follow, requests end, every second turn promotes what is paused. */
function turn(healed: World, promotes: boolean, bad: readonly string[] = []): { readonly decision: RolloutDecision; readonly next: World } {
  const seen = decideAndCheck(healed)
  const asked = seen.phase === 'Paused' && promotes ? (['promote'] as const) : []
  const decision = asked.length === 0 && healed.asked.length === 0 ? seen : decideAndCheck({ ...healed, asked })
  const next = tick(finishRequests(syncProxies(pass({ ...healed, asked }, 'never', decision))), 10)
  return { decision: seen, next: heal(next, bad) }
}

function unpaused({ policy }: World): World['policy'] {
  return policy.paused ? { ...policy, paused: false } : policy
}

const isAtRest = (d: RolloutDecision) => d.phase === 'Ready' || (d.phase === 'Failed' && d.keep.length + d.remove.length <= 1)

/** Faults stop, and the rollout must come to an end. */
function runOut(world: World, bad: readonly string[] = []): World {
  let w = heal(world, bad)
  let quiet = 0
  for (let i = 0; i < MAX_TURNS; i++) {
    const { decision, next } = turn(w, i % 2 === 0, bad)
    w = next
    quiet = isAtRest(decision) ? quiet + 1 : 0
    if (quiet === 3) return w
  }
  throw new Error(`it does not come to an end: ${JSON.stringify(w)} from ${JSON.stringify(world)}`)
}

/**
 * Whether a world comes to a good end, for very many of them: their ways meet, and what is known of
 * the rest of a way need not be walked again.
 */
class Endings {
  /** Turns to the end, by world and whether the next turn promotes. */
  readonly #known = new Map<string, number>()
  readonly #begun = new Set<string>()
  readonly #keyOf = createKeys()

  /** Also when the rollout is aborted here. */
  mustBeGood(world: World): void {
    const healed = heal(world)
    const key = this.#keyOf(healed)
    if (this.#begun.has(key)) return
    this.#begun.add(key)
    this.#walk(healed)
    const after = aborted(healed)
    if (after !== undefined) this.#walk(after)
  }

  #walk(world: World): void {
    const walked: string[] = []
    let w = world
    let quiet = 0
    let left: number | undefined
    while (left === undefined) {
      if (walked.length >= MAX_TURNS) throw new Error(`it does not come to an end: ${JSON.stringify(w)} from ${JSON.stringify(world)}`)
      const promotes = walked.length % 2 === 0
      const key = `${promotes ? '+' : '-'}${quiet}${this.#keyOf(w)}`
      left = this.#known.get(key)
      if (left !== undefined) break
      walked.push(key)
      const { decision, next } = turn(w, promotes)
      w = next
      quiet = isAtRest(decision) ? quiet + 1 : 0
      if (quiet === 3) {
        mustBeGoodEnd(w, world)
        left = 0
      }
    }
    if (walked.length + left > MAX_TURNS) throw new Error(`it takes ${walked.length + left} turns: ${JSON.stringify(world)}`)
    for (const [i, key] of walked.entries()) this.#known.set(key, left + walked.length - i)
  }
}

function mustBeGoodEnd(end: World, from: World): void {
  const { active, failed = [] } = end.state ?? {}
  const isGivenUp = failed.includes(end.desired)
  if (active !== end.desired && !isGivenUp) throw new Error(`it ended on ${active}, not on ${end.desired}: ${JSON.stringify(from)}`)
  // Nothing but a burn takes the active version without another one in its place.
  if (active === undefined && from.state?.active !== undefined && end.state?.burned === undefined)
    throw new Error(`it lost its active version: ${JSON.stringify(from)}`)
  if (active !== undefined && end.versions[active]?.inForce !== 100)
    throw new Error(`its active version has not all traffic: ${JSON.stringify(from)}`)
  if (isGivenUp && Object.keys(end.versions).join() !== (active ?? ''))
    throw new Error(`it left more than the active version: ${JSON.stringify(from)}`)
}

/** The world after an abort, where there is something to abort. */
function aborted(world: World): World | undefined {
  if (world.state?.preview === undefined || world.state.preview !== world.desired) return undefined
  const after = pass({ ...world, asked: ['abort'], state: { ...world.state, commandsSeen: {} } })
  if (after.state?.preview !== undefined) throw new Error(`abort left a preview: ${JSON.stringify(world)}`)
  if (after.state?.failed.includes(world.desired) !== true) throw new Error(`abort gave nothing up: ${JSON.stringify(world)}`)
  return after
}

function mustConverge(world: World): void {
  mustBeGoodEnd(runOut(world), world)
}

function mustAbort(world: World): void {
  const after = aborted(world)
  if (after !== undefined) mustConverge(after)
}

describe('every state that a few moves can reach', () => {
  it.each([
    ['from nothing', START, 30_000 * TIMES],
    ['from a version that serves, when another is asked for', { ...runOut(START), desired: 'v2' }, 112_500 * TIMES],
    ['in mid-rollout', midRollout(), 112_500 * TIMES],
    ['in mid-rollout, when it is analysed', { ...midRollout(), policy: ANALYSED }, 10_000 * TIMES],
    ['in mid-rollout, when a failure pauses', { ...midRollout(), policy: PAUSING }, 20_000 * TIMES],
    ['when old versions are retained, and one is asked for again', retaining(), 20_000 * TIMES],
  ])('%s keeps the invariants and can come to an end', (what, start, limit) => {
    const keyOf = createKeys()
    const endings = new Endings()
    const seen = new Set([keyOf(start)])
    let transitions = 0
    const queue: World[] = [start]
    for (let i = 0; i < queue.length; i++) {
      const world = queue[i] ?? start
      const decision = decideAndCheck(world)
      // Beyond the limit, states are still decided on and walked to their end, and no more are found.
      if (seen.size < limit)
        for (const next of moves(world, decision)) {
          transitions++
          const key = keyOf(next)
          if (seen.has(key)) continue
          seen.add(key)
          queue.push(next)
        }
      endings.mustBeGood(world)
    }
    process.stderr.write(`explored ${what}: ${seen.size} states, ${transitions} transitions\n`)
    expect(seen.size).toBeGreaterThanOrEqual(limit)
  })
})

describe('random lives', () => {
  it('keep the invariants through faults of every kind, and come to an end when faults stop', () => {
    let lives = 0
    for (let seed = 1; seed <= 1_000 * TIMES; seed++) {
      const random = mulberry32(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty
      let w: World = { ...START, policy: pick([POLICY, PAUSING, ANALYSED, ANALYSED_PAUSING, RETAINING]) }
      const length = 40 + Math.floor(random() * 120)
      try {
        const asks = [...verbs(), ...verbs(), 'burn v1', 'burn v2'] as const
        for (let i = 0; i < length; i++) w = randomMove(w, { random, pick, asks })
        mustConverge(w)
        mustAbort(w)
        lives++
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
    expect(lives).toBe(1_000 * TIMES)
  })

  it('with a version that is never ready leave the other one with all traffic', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = mulberry32(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty
      let w: World = { ...runOut(START), desired: 'v2' }
      for (let i = 0; i < 30; i++) {
        w = randomMove({ ...w, desired: 'v2' }, { random, pick, asks: verbs().filter((verb) => verb !== 'burn') })
        w = setHealth(w, 'v2', 'down')
        if ((w.versions['v2']?.inForce ?? 0) > 0) throw new Error(`seed ${seed}: it got traffic`)
      }
      const end = runOut({ ...w, desired: 'v2', policy: POLICY }, ['v2'])
      expect([end.state?.active, end.versions['v1']?.inForce, end.state?.failed]).toEqual(['v1', 100, ['v2']])
    }
  })
})

interface Dice {
  readonly random: () => number
  /** What users may ask for. */
  readonly asks: readonly Asked[]
  pick<T>(list: readonly T[]): T
}

function randomMove(w: World, { random, pick, asks }: Dice): World {
  const ids = Object.keys(w.versions)
  const dice = random()
  if (dice < 0.3) return pass(w)
  if (dice < 0.36) return pass(w, pick(['before', 'after']))
  if (dice < 0.52) return syncProxies(w)
  if (dice < 0.6) return finishRequests(w)
  if (dice < 0.72) return tick(w, pick([1, 5, 10, 10, 20, 35]))
  if (dice < 0.73) return setClock(w, pick([-3_600_000, 3_600_000]))
  if (dice < 0.74 && w.clockSetAt === 0) return tick(w, pick([-3_600_000, 3_600_000])) // and the operator does not notice
  if (dice < 0.75) return restartOperator(w)
  if (dice < 0.88 && ids.length > 0) return setHealth(w, pick(ids), pick(['up', 'up', 'partly', 'down']))
  if (dice < 0.91 && ids.length > 0) return mapVersions(w, (v, id) => (id === ids[0] ? { ...v, hidden: !v.hidden } : v))
  if (dice < 0.94) return { ...w, desired: pick(['v1', 'v2', 'v3']) }
  if (dice < 0.965) return ask(w, pick(asks))
  if (dice < 0.97) return findOut(w, pick(['pass', 'fail', 'inconclusive']))
  if (dice < 0.98) return { ...w, policy: { ...w.policy, paused: !w.policy.paused } }
  if (dice < 0.99)
    return {
      ...w,
      policy: {
        ...w.policy,
        steps: pick([POLICY.steps, [{ weight: 100, holdMs: 0, pause: false }], POLICY.steps.slice(0, 1).concat(POLICY.steps.slice(2))]),
      },
    }
  return { ...w, state: undefined }
}

function midRollout(): World {
  let w: World = { ...runOut(START), desired: 'v2' }
  for (let i = 0; i < 3; i++) w = syncProxies(pass(setHealth(w, 'v2', 'up')))
  if (w.state?.step !== 0) throw new Error('the model is not in mid-rollout')
  return w
}

/** v2 has just become active, and v1 is asked for again. */
function retaining(): World {
  let w = heal({ ...midRollout(), policy: RETAINING })
  for (let i = 0; i < 20 && w.state?.active !== 'v2'; i++) w = turn(w, i % 2 === 0).next
  if (w.state?.draining[0]?.served !== true) throw new Error('the model retains nothing')
  return { ...w, desired: 'v1' }
}
