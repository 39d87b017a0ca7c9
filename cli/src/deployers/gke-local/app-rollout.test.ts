import type { ObservedVersion } from '@weaver/rollout'
import { decideApp, wavesOf, type AppDecision } from './app-rollout.js'
import type { AppState } from './app-state.js'
import type { PlatformVerb } from './platform-control.js'
import { carryOut } from './platform-verbs.js'
import { projectRollout } from './projection.js'
import type { VersionSpec } from './version-spec.js'

const REGIONS = ['west', 'east']
const spec = { regions: REGIONS, rollout: { strategy: 'gradual', durationMs: 100_000, progressDeadlineMs: 30_000, onFailure: 'rollback', drainTimeoutMs: 5_000 } } as unknown as VersionSpec // prettier-ignore

/** Hosts and a load balancer that do at once what is asked of them. */
class World {
  now = 1_000_000
  state: AppState = { format: 1, app: 'shop', regions: REGIONS, versions: ['v1'], desired: 'v1', engines: {}, history: [] }
  readonly broken = new Set<string>()
  last: AppDecision | undefined
  readonly #running = new Map(REGIONS.map((region) => [region, new Set<string>()]))

  pass(): AppDecision {
    const versions = Object.fromEntries(
      REGIONS.map((region) => [region, [...(this.#running.get(region) ?? [])].map((id) => this.#see(region, id))]),
    )
    const decision = decideApp(this.state, spec, { now: this.now, watchingSince: 0, clockSetAt: 0, versions })
    this.state = decision.state
    for (const [region, { keep, remove }] of Object.entries(decision.regions)) {
      const running = this.#running.get(region)
      for (const id of keep) running?.add(id)
      for (const id of remove) running?.delete(id)
    }
    return (this.last = decision)
  }

  /** Lets time go on, a second at a time. */
  run(seconds: number, until: () => boolean = () => false): this {
    for (let i = 0; i < seconds && !until(); i++) {
      for (let j = 0; j < 4; j++) this.pass()
      this.now += 1_000
    }
    return this
  }

  deploy(id: string): this {
    this.state = { ...this.state, desired: id, versions: [...this.state.versions, id] }
    return this
  }

  /** @returns what is said, or why it cannot be */
  ask(verb: PlatformVerb): string {
    const made = carryOut(verb, this.state)
    if ('refused' in made) return made.refused
    this.state = made.state
    return made.said
  }

  runs(region: string): readonly string[] {
    return [...(this.#running.get(region) ?? [])].sort()
  }

  weights(region: string): Readonly<Record<string, number>> {
    return this.state.engines[region]?.weights ?? {}
  }

  #see(region: string, id: string): ObservedVersion {
    const engine = this.state.engines[region]
    const isWell = !this.broken.has(`${region} ${id}`) && !this.broken.has(id)
    const isNamed = [
      engine?.active,
      engine?.preview,
      ...(engine?.draining ?? []).map((one) => (one.letGo === true ? '' : one.id)),
    ].includes(id)
    return { id, ready: isWell, servable: isWell, weightObserved: engine?.weights?.[id] ?? 0, inFlight: 0, released: !isNamed, ...(isWell ? {} : { blame: 'no database' }) } // prettier-ignore
  }
}

const settled = (): World => new World().run(3)

it('the first region is the canary, alone; the others are dealt out to three waves', () => {
  expect(wavesOf(['a'])).toEqual([['a']])
  expect(wavesOf(['a', 'b', 'c'])).toEqual([['a'], ['b'], ['c']])
  expect(wavesOf(['a', 'b', 'c', 'd', 'e', 'f'])).toEqual([['a'], ['b', 'e'], ['c', 'f'], ['d']])
})

it('a first version has all traffic everywhere as soon as it is ready', () => {
  const w = settled()
  expect(w.weights('west')).toEqual({ v1: 100 })
  expect(w.weights('east')).toEqual({ v1: 100 })
  expect(w.state).toMatchObject({ settled: 'v1' })
  expect(w.last?.requeueAfterMs).toBeUndefined()
})

it('each wave has its part of the time, and the second begins when the first has held; the old version goes when all have arrived', () => {
  const w = settled().deploy('v2').run(1)
  expect(w.runs('east')).toEqual(['v1', 'v2']) // it waits, ready
  expect(w.weights('west')).toEqual({ v1: 90, v2: 10 })
  const planned = projectRollout(w.state, spec, { now: w.now, watchingSince: 0 }).map(({ at, fractions }) => [
    Math.round((at - w.now) / 1_000),
    fractions['west']?.['v2'] ?? 0,
    fractions['east']?.['v2'] ?? 0,
  ])
  expect(planned).toEqual([[0, 0.1, 0], [9, 0.25, 0], [19, 0.5, 0], [29, 0.75, 0], [39, 1, 0], [49, 1, 0.1], [59, 1, 0.25], [69, 1, 0.5], [79, 1, 0.75], [89, 1, 1]]) // prettier-ignore
  const seen: string[] = []
  const began = w.now
  w.run(200, () => {
    const line = `${w.weights('west')['v2'] ?? 0} ${w.weights('east')['v2'] ?? 0}`
    if (seen.at(-1) !== line) seen.push(line)
    if (w.weights('east')['v2'] !== undefined && w.state.settled === 'v1') expect(w.runs('west')).toEqual(['v1', 'v2'])
    return w.state.settled === 'v2'
  })
  expect(seen).toEqual(['10 0', '25 0', '50 0', '75 0', '100 0', '100 10', '100 25', '100 50', '100 75', '100 100'])
  expect(w.now - began).toBeGreaterThanOrEqual(98_000)
  w.run(5)
  expect([w.runs('west'), w.runs('east')]).toEqual([['v2'], ['v2']])
  expect(w.state).toMatchObject({ settled: 'v2', before: 'v1' })
})

it('a version that never is ready is given up everywhere, with the reason', () => {
  const w = settled().deploy('v2')
  w.broken.add('v2')
  w.run(40)
  expect(w.state).toMatchObject({
    desired: 'v1',
    failure: { version: 'v2', region: 'west', message: expect.stringContaining('no database') },
  })
  expect(w.state.isGoingBack).toBeUndefined()
  expect([w.runs('west'), w.runs('east')]).toEqual([['v1'], ['v1']])
  // the next one is not held to blame
  w.deploy('v3').run(120)
  expect(w.state.settled).toBe('v3')
})

it('a version that one region gives up later goes back in all of them, at once', () => {
  const w = settled().deploy('v2')
  w.run(200, () => w.weights('east')['v2'] !== undefined)
  w.broken.add('east v2')
  w.run(1)
  expect(w.weights('east')).toEqual({ v1: 100 })
  expect(w.weights('west')).toEqual({ v2: 100 }) // it may still recover
  w.run(60, () => w.state.desired === 'v1')
  w.run(2)
  expect(w.weights('west')).toEqual({ v1: 100 })
  w.run(5)
  expect([w.runs('west'), w.runs('east')]).toEqual([['v1'], ['v1']])
})

it('abort, pause and rollback', () => {
  const w = settled().deploy('v2').run(1)
  w.ask('pause')
  w.run(60)
  expect(w.weights('west')).toEqual({ v1: 90, v2: 10 })
  expect(w.ask('abort')).toContain('is given up')
  w.run(5)
  expect(w.weights('west')).toEqual({ v1: 100 })
  expect(w.state).toMatchObject({ desired: 'v1', failure: { message: expect.stringContaining('a user aborted it') } })
  expect(w.state.isPaused).toBeUndefined()

  w.deploy('v3').run(150)
  expect(w.state).toMatchObject({ settled: 'v3', before: 'v1' })
  w.ask('rollback')
  w.run(3)
  expect([w.weights('west'), w.weights('east')]).toEqual([{ v1: 100 }, { v1: 100 }])
  expect(w.state).toMatchObject({ settled: 'v1', before: 'v3' })
})

it('a verb is part of the state until a decision has seen it, and each one is another', () => {
  const w = settled().deploy('v2').run(1)
  for (const weight of [25, 50]) {
    w.ask('promote')
    expect(w.state.commands).toEqual([{ verb: 'promote' }])
    w.pass()
    expect(w.state.commands).toBeUndefined()
    expect(w.weights('west')['v2']).toBe(weight)
  }
})
