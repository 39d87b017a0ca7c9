import { verbs, type ObservedVersion } from '@weaver/rollout'
import { decideApp, wavesOf, type AppDecision } from './app-rollout.js'
import type { AppState } from './app-state.js'
import type { PlatformVerb } from './platform-control.js'
import { carryOut, newApp } from './platform-verbs.js'
import { projectRollout } from './projection.js'
import type { VersionSpec } from './version-spec.js'

const REGIONS = ['west', 'east']
const spec = { regions: REGIONS, rollout: { strategy: 'gradual', durationMs: 100_000, progressDeadlineMs: 30_000, onFailure: 'rollback', drainTimeoutMs: 5_000 } } as unknown as VersionSpec // prettier-ignore

/** Hosts and a load balancer that do at once what is asked of them. */
class World {
  now = 1_000_000
  state: AppState = { format: 1, app: 'shop', regions: REGIONS, versions: ['v1'], desired: 'v1', engines: {}, history: [] }
  onFailure: 'rollback' | 'pause' = 'rollback'
  durationMs = 100_000
  readonly broken = new Set<string>()
  last: AppDecision | undefined
  readonly #running = new Map(REGIONS.map((region) => [region, new Set<string>()]))

  pass(): AppDecision {
    const versions = Object.fromEntries(
      REGIONS.map((region) => [region, [...(this.#running.get(region) ?? [])].map((id) => this.#see(region, id))]),
    )
    const { desired, engines } = this.state
    const shareOfEast = (): number => this.weights('east')[desired] ?? 0
    const before = shareOfEast()
    const of = { ...spec, rollout: { ...spec.rollout, onFailure: this.onFailure, durationMs: this.durationMs } }
    const decision = decideApp(this.state, of, { now: this.now, watchingSince: 0, clockSetAt: 0, versions })
    this.state = decision.state
    // W1
    if (
      this.state.desired === desired &&
      this.state.isGoingBack !== true &&
      engines['east']?.active !== undefined &&
      !this.#see('west', desired).ready
    )
      expect(shareOfEast()).toBeLessThanOrEqual(before)
    for (const [region, { keep, remove }] of Object.entries(decision.regions)) {
      const running = this.#running.get(region)
      for (const id of keep) running?.add(id)
      for (const id of remove) running?.delete(id)
    }
    return (this.last = decision)
  }

  /** Lets time go on, from one moment to look again to the next. */
  run(seconds: number, until: () => boolean = () => false): this {
    const end = this.now + seconds * 1_000
    while (this.now < end && !until()) {
      for (let i = 0; i < 4 && !until(); i++) this.pass()
      this.now += Math.min(end - this.now, Math.max(1, this.last?.requeueAfterMs ?? Infinity))
    }
    return this
  }

  /** A pass, and a while later. */
  leap(): void {
    this.pass()
    this.now += 3_000
  }

  deploy(id: string): this {
    const made = newApp({ ...spec, app: 'shop', deploymentId: id }, [{ state: this.state, specs: new Map() }])
    if ('refused' in made) throw new Error(made.refused)
    this.state = made.state
    return this
  }

  /** @returns what is said, or why it cannot be */
  ask(verb: PlatformVerb, note?: string, version?: string): string {
    const made = carryOut(verb, this.state, { ...(note === undefined ? {} : { note }), ...(version === undefined ? {} : { version }) })
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

const VERBS: readonly PlatformVerb[] = [...verbs(), 'rollback']

/** Whole numbers below a limit, the same ones for a seed (mulberry32). */
function createPick(seed: number): (below: number) => number {
  let a = seed
  return (below) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
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

describe('the canary stops being ready when it has the version', () => {
  const arrived = (): World => {
    const w = settled().deploy('v2')
    return w.run(200, () => w.state.engines['west']?.active === 'v2')
  }

  it('before the next wave has begun: that waits, and goes on when it has recovered', () => {
    const w = settled().deploy('v2')
    w.broken.add('east v2') // so that it has not begun when the canary has the version
    w.run(200, () => w.state.engines['west']?.active === 'v2')
    w.broken.add('west v2')
    w.broken.delete('east v2')
    w.run(20)
    expect(w.weights('east')).toEqual({ v1: 100 })
    expect(w.last?.regions['east']).toMatchObject({ phase: 'Paused', awaited: { kind: 'unpaused' } })
    w.broken.delete('west v2')
    w.run(70)
    expect(w.state).toMatchObject({ settled: 'v2' })
    expect(w.state.unready).toBeUndefined()
  })

  it('in the midst of the next wave: that takes no step more, and all go back after the deadline, with the reason', () => {
    const w = arrived()
    w.run(60, () => w.weights('east')['v2'] === 50)
    w.broken.add('west v2')
    w.run(25)
    expect(w.weights('east')).toEqual({ v1: 50, v2: 50 })
    w.run(10)
    expect([w.runs('west'), w.runs('east')]).toEqual([['v1'], ['v1']])
    expect(w.state).toMatchObject({ desired: 'v1', settled: 'v1' })
    expect(w.state.failure).toMatchObject({
      version: 'v2',
      region: 'west',
      message: 'version "v2" failed: no progress within 30 s (gke.progress_deadline): no database; version "v1" has all traffic',
    })
  })

  it('again and again, and nothing goes on meanwhile: that adds up', () => {
    const w = arrived()
    w.durationMs = 1_000_000
    for (let i = 0; i < 9 && w.state.desired === 'v2'; i++) {
      w.broken.add('west v2')
      w.run(4)
      w.broken.delete('west v2')
      w.pass()
    }
    expect(w.state.desired).toBe('v1')
  })

  it('with on_failure = "pause": it is halted, until resume gives it its deadline once more', () => {
    const w = arrived()
    w.onFailure = 'pause'
    w.broken.add('west v2')
    w.run(100)
    expect(w.state.history.filter(({ kind }) => kind === 'RolloutHalted')).toHaveLength(1)
    expect(w.weights('west')).toEqual({ v2: 100 })
    expect(w.ask('resume')).toBe('the rollout of v2 goes on')
    w.run(100)
    expect(w.state.history.filter(({ kind }) => kind === 'RolloutHalted')).toHaveLength(2)
    w.broken.clear()
    w.run(70)
    expect(w.state).toMatchObject({ settled: 'v2' })
  })

  it('a pause by a user stops the clock of the deadline', () => {
    const w = arrived()
    w.ask('pause')
    w.broken.add('west v2')
    w.run(100)
    expect(w.state.desired).toBe('v2')
    w.ask('resume')
    w.run(40)
    expect(w.state.desired).toBe('v1')
  })
})

it('retry starts the rollout again of a version that was given up, with who and why', () => {
  const w = settled().deploy('v2')
  expect(w.ask('retry')).toBe('no version of "shop" has failed or was aborted')
  w.broken.add('v2')
  w.run(40)
  expect(w.state).toMatchObject({ desired: 'v1', failure: { version: 'v2' } })
  w.broken.clear()
  expect(w.ask('retry', 'database is back')).toBe('v2 is tried again')
  w.pass()
  expect(w.state.history.slice(-2).map(({ message }) => message)).toEqual(
    REGIONS.map(() => 'version "v2" starts beside the active version "v1" (database is back)'),
  )
  w.run(120)
  expect(w.state).toMatchObject({ settled: 'v2', before: 'v1' })
  expect(w.state.failure).toBeUndefined()
})

it('resume gives a halted rollout its deadline once more', () => {
  const w = settled().deploy('v2')
  w.onFailure = 'pause'
  w.broken.add('v2')
  w.run(40)
  expect(w.state.engines['west']).toMatchObject({ preview: 'v2', halted: true })
  expect(w.ask('resume')).toBe('the rollout of v2 goes on')
  w.broken.clear()
  w.run(120)
  expect(w.state).toMatchObject({ settled: 'v2' })
})

it('abort, pause and rollback', () => {
  const w = settled().deploy('v2').run(1)
  w.ask('pause', 'lunch')
  w.run(60)
  expect(w.weights('west')).toEqual({ v1: 90, v2: 10 })
  expect(w.last?.regions['west']?.awaited).toEqual({ kind: 'resume', note: 'lunch' })
  w.ask('promote')
  w.pass()
  expect(w.weights('west')).toEqual({ v1: 75, v2: 25 })
  w.ask('pause')
  expect(w.ask('abort')).toContain('is given up')
  w.run(5)
  expect(w.weights('west')).toEqual({ v1: 100 })
  expect(w.state).toMatchObject({ desired: 'v1', failure: { message: expect.stringContaining('a user aborted it') } })
  expect(w.ask('resume')).toBe('no rollout of "shop" is paused or halted')

  w.deploy('v3').run(150)
  expect(w.state).toMatchObject({ settled: 'v3', before: 'v1' })
  w.ask('rollback')
  w.run(3)
  expect([w.weights('west'), w.weights('east')]).toEqual([{ v1: 100 }, { v1: 100 }])
  expect(w.state).toMatchObject({ settled: 'v1', before: 'v3' })
})

describe('burn', () => {
  it('makes a version and all older ones unreachable in every region, at once and for good', () => {
    const w = settled().deploy('v2').run(1)
    w.ask('pause')
    w.run(5)
    expect(w.ask('burn', 'jane:\n\u001b\u0007leaks\ttokens')).toBe('v1 is burned, and unreachable for good; v2 is left')
    w.pass()
    expect([w.weights('west'), w.weights('east')]).toEqual([{ v2: 100 }, { v2: 100 }])
    w.run(3)
    expect([w.runs('west'), w.runs('east')]).toEqual([['v2'], ['v2']])
    expect(w.state).toMatchObject({ settled: 'v2', burned: ['v1'] })
    expect(w.state).not.toHaveProperty('before')
    expect(w.state.history.map(({ message }) => message)).toContain(
      'version "v1" is burned, and unreachable for good (jane: leaks tokens); version "v2" has all traffic',
    )
    expect(w.ask('rollback')).toBe('"shop" has no version to go back to')
    w.broken.add('v3')
    w.deploy('v3').run(40)
    expect(w.state).toMatchObject({ desired: 'v2', failure: { version: 'v3' } })
    expect(w.ask('burn', undefined, 'v3')).toBe('v1, v3 are burned, and unreachable for good; v2 is left')
    expect(w.ask('retry')).toBe('v3 is burned, and does not start again')
  })

  it('burns the same versions in every region, whichever is active there', () => {
    // The canary has v2, the other region still v1; then v3 is asked for.
    const mixed = () => {
      const w = settled().deploy('v2')
      w.run(60, () => w.state.engines['west']?.active === 'v2')
      expect([w.state.engines['west']?.active, w.state.engines['east']?.active]).toEqual(['v2', 'v1'])
      return w.deploy('v3').run(1)
    }
    const w = mixed()
    expect(w.ask('burn', undefined, 'v2')).toBe('v1, v2 are burned, and unreachable for good; v3 is left')
    w.run(5)
    expect([w.state.engines['west']?.burned, w.state.engines['east']?.burned]).toEqual([
      ['v1', 'v2'],
      ['v1', 'v2'],
    ])
    expect([w.weights('west'), w.weights('east')]).toEqual([{ v3: 100 }, { v3: 100 }])
    const other = mixed()
    other.ask('burn', undefined, 'v1')
    other.run(5)
    expect(other.state.engines['east']?.burned).toEqual(['v1'])
    expect([Object.keys(other.weights('west')).includes('v2'), other.weights('east')]).toEqual([true, { v3: 100 }])
  })

  it('holds although another version is asked for before any decision has seen it', () => {
    const w = settled().deploy('v2')
    w.run(200, () => w.state.settled === 'v2')
    w.ask('burn', undefined, 'v1')
    w.deploy('v3').run(3)
    expect([w.state.engines['west']?.burned, w.state.engines['east']?.burned]).toEqual([['v1'], ['v1']])
    expect([w.runs('west').includes('v1'), w.runs('east').includes('v1')]).toEqual([false, false])
  })

  it('of all that there is leaves nothing that answers, until another version is deployed', () => {
    const w = settled().deploy('v2').run(1)
    expect(w.ask('burn', undefined, 'v9')).toBe('nothing is burned: version "v9" is not known')
    expect(w.ask('burn', undefined, 'v')).toBe('several versions of "shop" begin with "v"')
    expect(w.ask('burn', undefined, 'v2')).toBe('v1, v2 are burned, and unreachable for good; no version is left, and nothing answers')
    w.run(3)
    expect([w.runs('west'), w.weights('west'), w.runs('east'), w.weights('east')]).toEqual([[], {}, [], {}])
    expect(w.state).toMatchObject({ desired: 'v2', failure: { version: 'v2' } })
    expect(w.last?.regions['west']).toMatchObject({ phase: 'Failed', awaited: { kind: 'otherVersion', burned: true } })
    expect(w.ask('burn')).toBe(
      'nothing is burned: version "v2", which would stay, has failed; name the newest version that is to be burned',
    )
    w.deploy('v3').run(120)
    expect(w.state).toMatchObject({ settled: 'v3', burned: ['v1', 'v2'] })
  })
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

describe('two regions that parted come together again', () => {
  it('with nothing settled, on the version that is active somewhere', () => {
    const w = new World()
    w.broken.add('east v1').add('west v2')
    w.run(3).deploy('v2').run(3)
    expect([w.state.engines['west']?.active, w.state.engines['east']?.active]).toEqual(['v1', 'v2'])
    w.run(40, () => w.state.desired === 'v1')
    expect(w.state.failure).toMatchObject({ version: 'v2', region: 'west' })
    w.broken.clear()
    w.run(10)
    expect([w.runs('west'), w.runs('east')]).toEqual([['v1'], ['v1']])
    expect(w.state).toMatchObject({ settled: 'v1' })
  })

  it('however long the version to go back to takes to be ready', () => {
    const w = settled().deploy('v2')
    w.run(200, () => w.weights('east')['v2'] !== undefined)
    w.broken.add('v2').add('west v1')
    w.run(500)
    expect([w.state.engines['west']?.active, w.state.engines['east']?.active]).toEqual(['v2', 'v1'])
    w.broken.delete('west v1')
    w.run(10)
    expect([w.runs('west'), w.runs('east')]).toEqual([['v1'], ['v1']])
  })

  it('when a rollback fails in one of them', () => {
    const w = settled().deploy('v2').run(120)
    w.broken.add('east v1')
    w.ask('rollback')
    w.run(60)
    expect([w.runs('west'), w.runs('east')]).toEqual([['v2'], ['v2']])
    expect(w.state.failure).toMatchObject({ version: 'v1', region: 'east' })
  })

  it('whatever happens', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const w = new World()
      const pick = createPick(seed)
      const did: string[] = []
      for (let i = 0; i < 12; i++) {
        const version = `v${1 + pick(w.state.versions.length)}`
        const where = pick(3) === 0 ? version : `${REGIONS[pick(2)]} ${version}`
        const verb = VERBS[pick(VERBS.length)] ?? 'abort'
        const act = pick(5)
        did.push([`deploy`, verb, `break ${where}`, `mend ${where}`, 'mend all'][act] ?? '')
        if (act === 0) w.deploy(`v${w.state.versions.length + 1}`)
        if (act === 1) w.ask(verb)
        if (act === 2) w.broken.add(where)
        if (act === 3) w.broken.delete(where)
        if (act === 4) w.broken.clear()
        for (let passes = [0, 1, 2, 10, 40, 120][pick(6)] ?? 0; passes > 0; passes--) w.leap()
      }
      // All is mended, but perhaps for a version that can be given up.
      const { desired, settled: last } = w.state
      const isHopeless = w.broken.has(`east ${desired}`) && last !== undefined && last !== desired
      w.broken.clear()
      if (isHopeless) w.broken.add(`east ${desired}`)
      w.ask('resume')
      w.leap()
      const isAtRest = (): boolean => w.last?.requeueAfterMs === undefined && !w.broken.has(`east ${w.state.desired}`)
      for (let passes = 0; passes < 400 && !isAtRest(); passes++) w.leap()
      const { state } = w
      const rest = { seed, did, regions: REGIONS.map((region) => [w.runs(region), w.weights(region)]), settled: state.settled }
      expect(rest).toEqual({
        seed,
        did,
        regions: REGIONS.map(() => [[state.desired], { [state.desired]: 100 }]),
        settled: state.desired,
      })
    }
  })
})
