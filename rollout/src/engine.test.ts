import { decide } from './engine.js'
import { brokenInvariants } from './invariants.js'
import type { ObservedVersion, RolloutCommand, RolloutDecision, RolloutInput, RolloutPolicy, RolloutState } from './types.js'

const policy: RolloutPolicy = {
  steps: [
    { weight: 10, holdMs: 60_000, pause: false },
    { weight: 50, holdMs: 60_000, pause: false },
    { weight: 100, holdMs: 0, pause: false },
  ],
  progressDeadlineMs: 600_000,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 300_000,
}
const T0 = 1_800_000_000_000

/**
 * A tiny world around the engine: what was asked is in force at the next look, unless a test says
 * otherwise.
 */
function world(options: { readonly policy?: Partial<RolloutPolicy> } = {}) {
  let state: RolloutState | undefined
  let last: RolloutDecision | undefined
  const w = {
    now: T0,
    desired: 'v1',
    policy: { ...policy, ...options.policy },
    seen: new Map<string, Partial<ObservedVersion>>(),
    watchingSince: undefined as number | undefined,
    clockSetAt: undefined as number | undefined,
    set(id: string, partial: Partial<ObservedVersion>) {
      w.seen.set(id, { ...w.seen.get(id), ...partial })
    },
    versions(): ObservedVersion[] {
      const ids = new Set([...(last?.keep ?? []), ...(last?.remove ?? []).filter((id) => w.seen.has(id))])
      return [...ids].map((id) => ({
        id,
        ready: false,
        servable: false,
        weightObserved: last?.weights[id] ?? 0,
        inFlight: 0,
        released: last?.letGo.includes(id) ?? false,
        ...w.seen.get(id),
      }))
    },
    call(over: Partial<RolloutInput> = {}): RolloutDecision {
      const input: RolloutInput = {
        now: w.now,
        desired: w.desired,
        policy: w.policy,
        versions: w.versions(),
        state,
        commands: [],
        ...(w.watchingSince === undefined ? {} : { watchingSince: w.watchingSince }),
        ...(w.clockSetAt === undefined ? {} : { clockSetAt: w.clockSetAt }),
        ...over,
      }
      last = decide(input)
      expect(brokenInvariants(input, last)).toEqual([])
      expect(decide(input)).toEqual(last)
      state = last.state
      return last
    },
    up(id: string) {
      w.set(id, { ready: true, servable: true })
    },
    down(id: string, blame = `component "a/B": pod "${id}-x": CrashLoopBackOff`) {
      w.set(id, { ready: false, servable: false, blame })
    },
    /** Calls until nothing more changes at this moment. */
    settle(): RolloutDecision {
      let d = w.call()
      for (let i = 0; i < 20; i++) {
        for (const id of d.remove) w.seen.delete(id)
        const next = w.call()
        if (JSON.stringify(next) === JSON.stringify(d)) return next
        d = next
      }
      throw new Error('it does not settle')
    },
    after(milliseconds: number): RolloutDecision {
      w.now += milliseconds
      return w.settle()
    },
    /** v1 serves, v2 is asked for and is at the given step. */
    upgrade(toStep = -1) {
      w.up('v1')
      w.settle()
      w.desired = 'v2'
      w.settle()
      if (toStep >= 0) w.up('v2')
      let d = w.settle()
      for (let i = 0; i < toStep; i++) d = w.after(60_000)
      expect(d.state.step).toBe(toStep)
      return d
    },
  }
  return w
}
const reasons = (d: RolloutDecision) => d.events.map((e) => e.kind)

describe('a first version (R1)', () => {
  it('has no traffic until it is ready, then all of it at once', () => {
    const w = world()
    expect(w.call()).toMatchObject({ phase: 'Pending', weights: {}, keep: ['v1'], state: { preview: 'v1' } })
    w.down('v1')
    expect(w.call()).toMatchObject({
      phase: 'Starting',
      weights: {},
      awaited: { kind: 'ready', version: 'v1', blame: 'component "a/B": pod "v1-x": CrashLoopBackOff' },
    })
    w.up('v1')
    expect(w.call()).toMatchObject({ weights: { v1: 100 }, state: { active: 'v1' } })
    expect(w.settle()).toMatchObject({ phase: 'Ready', keep: ['v1'] })
    expect(w.settle().awaited).toBeUndefined()
  })

  it('is not ready for people before the proxies have the weight', () => {
    const w = world()
    w.up('v1')
    w.call()
    w.call()
    w.set('v1', { ready: true, servable: true, weightObserved: 0 })
    expect(w.call()).toMatchObject({
      phase: 'Progressing',
      awaited: { kind: 'weights', shares: [{ version: 'v1', asked: 100, observed: 0 }] },
    })
  })

  it('stays past its deadline, says that it failed once, and is taken when it becomes ready after all', () => {
    const w = world()
    w.down('v1')
    w.settle()
    w.now += policy.progressDeadlineMs
    expect(w.call()).toMatchObject({ phase: 'Failed', keep: ['v1'], events: [{ kind: 'RolloutFailed', version: 'v1' }] })
    w.now += 1_000
    expect(w.call()).toMatchObject({ phase: 'Failed', events: [] })
    w.up('v1')
    w.call()
    expect(w.settle()).toMatchObject({ phase: 'Ready', weights: { v1: 100 } })
  })

  it('is given up by an abort', () => {
    const w = world()
    w.down('v1')
    w.settle()
    const d = w.call({ commands: [{ verb: 'abort' }] })
    expect(d).toMatchObject({ phase: 'Failed', weights: {} })
    expect(reasons(d)).toContain('RolloutAborted')
  })

  it('skips `paused`: there is nothing to protect', () => {
    const w = world({ policy: { paused: true } })
    w.up('v1')
    w.call()
    expect(w.settle()).toMatchObject({ phase: 'Ready', weights: { v1: 100 } })
  })
})

describe('an upgrade (R2)', () => {
  it('goes step by step, promotes, drains and removes', () => {
    const w = world()
    w.upgrade()
    expect(w.settle()).toMatchObject({
      phase: 'Starting',
      weights: { v1: 100 },
      state: { active: 'v1', preview: 'v2', step: -1 },
      schedule: [],
    })
    w.up('v2')
    expect(w.settle()).toMatchObject({
      phase: 'Progressing',
      weights: { v1: 90, v2: 10 },
      awaited: { kind: 'hold', step: { index: 0, count: 3, weight: 10 }, until: T0 + 60_000 },
      requeueAfterMs: 60_000,
      schedule: [
        { at: T0 + 60_000, weight: 50 },
        { at: T0 + 120_000, weight: 100 },
      ],
    })
    expect(w.after(59_999).weights).toEqual({ v1: 90, v2: 10 })
    expect(w.after(1).weights).toEqual({ v1: 50, v2: 50 })
    expect(w.after(60_000).weights).toEqual({ v2: 100 })
    w.set('v1', { inFlight: 2 })
    expect(w.after(1)).toMatchObject({
      phase: 'Draining',
      weights: { v2: 100 },
      keep: ['v2', 'v1'],
      remove: [],
      awaited: { kind: 'drained', version: 'v1', inFlight: 2 },
    })
    w.set('v1', { inFlight: 0 })
    const d = w.call()
    expect(d).toMatchObject({ letGo: ['v1'], remove: [] })
    const removed = w.call()
    expect(removed.remove).toEqual(['v1'])
    expect(reasons(removed)).toEqual(['VersionRemoved'])
    expect(w.settle()).toMatchObject({ phase: 'Ready', keep: ['v2'], remove: [], state: { active: 'v2' } })
  })

  it('waits until the weights in force are the ones asked for, and holds from that moment on', () => {
    const w = world()
    w.upgrade()
    w.up('v2')
    w.call()
    w.set('v2', { weightObserved: 7 })
    w.set('v1', { weightObserved: 93 })
    expect(w.after(120_000)).toMatchObject({
      weights: { v1: 90, v2: 10 },
      awaited: {
        kind: 'weights',
        shares: [
          { version: 'v1', asked: 90, observed: 93 },
          { version: 'v2', asked: 10, observed: 7 },
        ],
      },
    })
    w.set('v2', { weightObserved: undefined as never })
    expect(w.settle().awaited).toEqual({
      kind: 'weights',
      shares: [
        { version: 'v1', asked: 90, observed: 93 },
        { version: 'v2', asked: 10 },
      ],
    })
    w.set('v2', { weightObserved: 10 })
    w.set('v1', { weightObserved: 90 })
    expect(w.settle().state.heldSince).toBe(w.now)
    expect(w.after(59_999).weights).toEqual({ v1: 90, v2: 10 })
    w.now += 1
    expect(w.call().weights).toEqual({ v1: 50, v2: 50 })
  })

  it('takes one step at most, however long nobody called', () => {
    const w = world()
    w.upgrade(0)
    expect(w.after(10 * 3_600_000).weights).toEqual({ v1: 50, v2: 50 })
    expect(w.after(59_999).weights).toEqual({ v1: 50, v2: 50 })
  })

  it('does not count time that nobody watched, neither as held nor as lack of progress', () => {
    const w = world()
    w.upgrade(0)
    w.now += 3_600_000
    w.watchingSince = w.now
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
    expect(w.after(60_000).weights).toEqual({ v1: 50, v2: 50 })
    w.down('v2')
    w.settle()
    w.now += 3_600_000
    w.watchingSince = w.now
    expect(w.settle().state.preview).toBe('v2')
  })

  it('restarts the hold when the preview was not ready in between, and keeps the weight while it can serve', () => {
    const w = world()
    w.upgrade(1)
    w.now += 50_000
    w.set('v2', { ready: false, servable: true, blame: 'one of two pods' })
    expect(w.call()).toMatchObject({
      phase: 'Degraded',
      weights: { v1: 50, v2: 50 },
      awaited: { kind: 'ready', version: 'v2', exists: true, blame: 'one of two pods' },
    })
    w.up('v2')
    w.call()
    expect(w.after(59_999).weights).toEqual({ v1: 50, v2: 50 })
    expect(w.after(1).weights).toEqual({ v2: 100 })
  })

  it('goes on after the clock was set back', () => {
    const w = world()
    w.upgrade(0)
    w.now -= 3_600_000
    w.settle()
    expect(w.after(60_000).weights).toEqual({ v1: 50, v2: 50 })
  })

  it('counts no hold and no lack of progress by a clock that was set forward', () => {
    const w = world()
    w.upgrade(0)
    w.now += 3_600_000
    w.watchingSince = w.now
    expect(w.call().weights).toEqual({ v1: 90, v2: 10 })
    expect(w.after(59_999).weights).toEqual({ v1: 90, v2: 10 })
    expect(w.after(1).weights).toEqual({ v1: 50, v2: 50 })
  })

  it('does not care for the health of the active version (R5), and takes its traffic when that cannot serve', () => {
    const w = world()
    w.upgrade()
    w.down('v1')
    expect(w.call().weights).toEqual({ v1: 100 })
    w.up('v2')
    const d = w.call()
    expect(d.weights).toEqual({ v2: 100 })
    expect(reasons(d)).toEqual(['StepStarted', 'ActiveUnservable'])
    w.settle()
    w.up('v1')
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
    w.down('v1')
    w.settle()
    expect(w.after(60_000).state.step).toBe(1)
    expect(w.after(60_000).state).toMatchObject({ step: 2 })
    expect(w.after(1).state.active).toBe('v2')
  })

  it('starts with one step when it is a cutover', () => {
    const w = world({ policy: { steps: [{ weight: 100, holdMs: 0, pause: false }] } })
    w.upgrade()
    w.up('v2')
    w.call()
    expect(w.call().weights).toEqual({ v2: 100 })
  })
})

describe('pauses and promotion', () => {
  const steps = [
    { weight: 5, holdMs: 0, pause: true },
    { weight: 50, holdMs: 60_000, pause: false },
    { weight: 100, holdMs: 0, pause: true },
  ]
  const promote: readonly RolloutCommand[] = [{ verb: 'promote' }]

  it('waits for promote, for ever', () => {
    const w = world({ policy: { steps } })
    w.upgrade(0)
    const d = w.after(30 * 24 * 3_600_000)
    expect(d).toMatchObject({
      phase: 'Paused',
      weights: { v1: 95, v2: 5 },
      awaited: { kind: 'promotion', step: { index: 0, count: 3, weight: 5 } },
      schedule: [],
    })
    expect(d.requeueAfterMs).toBeUndefined()
    expect(w.call({ commands: promote }).weights).toEqual({ v1: 50, v2: 50 })
  })

  it('carries a promote out once, also when its annotation is still there at the next calls', () => {
    const w = world({ policy: { steps: steps.map((s) => ({ ...s, pause: true })) } })
    w.upgrade(0)
    for (let i = 0; i < 5; i++) {
      w.call({ commands: promote })
      w.now += 1_000
    }
    expect(w.settle().weights).toEqual({ v1: 50, v2: 50 })
    expect(w.call({ commands: promote }).weights).toEqual({ v2: 100 })
  })

  it('ends a hold by promote', () => {
    const w = world()
    w.upgrade(0)
    expect(w.call({ commands: promote }).weights).toEqual({ v1: 50, v2: 50 })
  })

  it('does not let promote past a preview that is not ready', () => {
    const w = world({ policy: { steps } })
    w.upgrade(0)
    w.set('v2', { ready: false, servable: true })
    expect(w.call({ commands: promote }).weights).toEqual({ v1: 95, v2: 5 })
    w.up('v2')
    expect(w.settle().weights).toEqual({ v1: 50, v2: 50 })
  })

  const full: readonly RolloutCommand[] = [{ verb: 'promoteFull', note: 'jane: it is urgent' }]

  it('promoted fully goes from where it is to the last step, and waits for nothing but the weights', () => {
    const w = world({ policy: { steps } })
    w.upgrade(0)
    w.now += 1
    const d = w.call({ commands: full })
    expect(d).toMatchObject({ weights: { v2: 100 }, awaited: { kind: 'weights' } })
    expect(d.events[0]).toEqual({ kind: 'StepPromoted', version: 'v2', full: true, note: 'jane: it is urgent' })
    expect(w.settle().state).toMatchObject({ preview: 'v2', step: 2 })
    expect(w.after(1).state).toMatchObject({ active: 'v2' })
  })

  it('promoted fully before it is ready waits for that; one that gave its traffic back begins at the first step again', () => {
    const w = world({ policy: { steps } })
    w.upgrade()
    expect(w.call({ commands: full })).toMatchObject({ weights: { v1: 100 }, awaited: { kind: 'ready' } })
    w.up('v2')
    expect(w.call().weights).toEqual({ v2: 100 })
    w.down('v2')
    expect(w.settle().weights).toEqual({ v1: 100 })
    w.up('v2')
    expect(w.settle().weights).toEqual({ v1: 95, v2: 5 })
    expect(w.after(3_600_000).weights).toEqual({ v1: 95, v2: 5 })
  })

  it('paused by its user stays where it is, without a deadline, heals, and goes on by resume', () => {
    const w = world()
    w.upgrade(0)
    const d = w.call({ commands: [{ verb: 'pause', note: 'jane: lunch' }] })
    expect(d).toMatchObject({ phase: 'Paused', awaited: { kind: 'resume', note: 'jane: lunch' }, schedule: [] })
    expect(d.events).toEqual([{ kind: 'RolloutPaused', version: 'v2', note: 'jane: lunch' }])
    expect(w.after(24 * 3_600_000)).toMatchObject({ phase: 'Paused', weights: { v1: 90, v2: 10 } })
    w.down('v2')
    expect(w.settle().weights).toEqual({ v1: 100 })
    w.up('v2')
    expect(w.after(24 * 3_600_000)).toMatchObject({ phase: 'Paused', weights: { v1: 100 } })
    expect(reasons(w.call({ commands: [{ verb: 'resume' }] }))).toEqual(['RolloutResumed', 'StepStarted'])
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
  })

  it('paused by its user goes on by a promotion, too, and a pause ends with its rollout', () => {
    const w = world()
    w.upgrade(0)
    w.call({ commands: [{ verb: 'pause' }] })
    expect(reasons(w.call({ commands: promote }))).toEqual(['RolloutResumed', 'StepPromoted', 'StepStarted'])
    w.call({ commands: [{ verb: 'pause' }] })
    w.call({ commands: [{ verb: 'abort' }] })
    expect(w.call().state).not.toHaveProperty('pausedByUser')
  })

  it('does not pause a first version, which has nothing to be paused', () => {
    const w = world()
    expect(reasons(w.call({ commands: [{ verb: 'pause' }] }))).toEqual(['RolloutStarted'])
  })

  it('tries a version again that was aborted, once, and only that', () => {
    const w = world()
    w.upgrade(0)
    w.call({ commands: [{ verb: 'abort' }] })
    expect(w.settle()).toMatchObject({ phase: 'Failed', weights: { v1: 100 } })
    const again = w.call({ commands: [{ verb: 'retry', note: 'jane: the database is back' }] })
    expect(again).toMatchObject({ state: { preview: 'v2', failed: [] } })
    expect(again.events[0]).toEqual({ kind: 'RolloutStarted', version: 'v2', beside: 'v1', note: 'jane: the database is back' })
    w.up('v2')
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
    expect(reasons(w.call({ commands: [{ verb: 'retry' }] }))).toEqual([])
  })

  it('freezes steps while the policy is paused, goes on healing, and continues where it was', () => {
    const w = world()
    w.upgrade(1)
    w.policy = { ...policy, paused: true }
    expect(w.after(24 * 3_600_000)).toMatchObject({
      phase: 'Paused',
      weights: { v1: 50, v2: 50 },
      awaited: { kind: 'unpaused' },
    })
    w.down('v2')
    expect(w.call().weights).toEqual({ v1: 100 })
    w.up('v2')
    w.settle()
    expect(w.after(24 * 3_600_000)).toMatchObject({ phase: 'Paused', weights: { v1: 100 } })
    w.policy = policy
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
  })
})

describe('failure', () => {
  it('of a version that never is ready: the deadline, traffic untouched, drained and removed, not tried again (R7)', () => {
    const w = world()
    w.upgrade()
    w.down('v2')
    expect(w.after(policy.progressDeadlineMs - 1)).toMatchObject({ phase: 'Starting', weights: { v1: 100 }, requeueAfterMs: 1 })
    w.now += 1
    const d = w.call()
    expect(d).toMatchObject({ phase: 'Failed', weights: { v1: 100 }, state: { failed: ['v2'] } })
    expect(d.events[0]).toMatchObject({
      kind: 'RolloutFailed',
      version: 'v2',
      stall: { deadlineMs: policy.progressDeadlineMs, missing: 'ready', blame: 'component "a/B": pod "v2-x": CrashLoopBackOff' },
      active: 'v1',
    })
    expect(w.settle()).toMatchObject({
      phase: 'Failed',
      keep: ['v1'],
      remove: [],
      awaited: { kind: 'otherVersion', version: 'v2' },
    })
    expect(w.after(24 * 3_600_000)).toMatchObject({ phase: 'Failed', keep: ['v1'] })
    w.desired = 'v3'
    expect(w.call()).toMatchObject({ state: { preview: 'v3', failed: [] } })
    w.desired = 'v2'
    expect(w.call().state.preview).toBe('v2')
  })

  it('of the deadline does not come while it is held or paused', () => {
    const w = world({
      policy: {
        steps: [
          { weight: 50, holdMs: 3_600_000, pause: false },
          { weight: 100, holdMs: 0, pause: false },
        ],
      },
    })
    w.upgrade(0)
    for (let i = 0; i < 59; i++) expect(w.after(60_000)).toMatchObject({ phase: 'Progressing', state: { preview: 'v2' } })
    expect(w.after(60_000).weights).toEqual({ v2: 100 })
  })

  it('of a preview in mid-rollout gives its traffic back at once, and it starts again at the first step (R3)', () => {
    const w = world()
    w.upgrade(1)
    w.down('v2')
    const d = w.call()
    expect(d).toMatchObject({ phase: 'Degraded', weights: { v1: 100 }, state: { step: -1 } })
    expect(d.events).toMatchObject([{ kind: 'PreviewDegraded', version: 'v2', active: 'v1', activeServes: true }])
    w.settle()
    w.up('v2')
    expect(w.settle().weights).toEqual({ v1: 90, v2: 10 })
  })

  it('of a preview that comes and goes ends at the deadline all the same (R4)', () => {
    const w = world()
    w.upgrade(1)
    let rounds = 0
    let d = w.settle()
    for (; d.phase !== 'Failed' && rounds < 100; rounds++) {
      w.down('v2')
      w.settle()
      w.now += 30_000
      w.up('v2')
      w.settle()
      w.now += 30_000
      d = w.settle()
    }
    expect(rounds).toBeGreaterThan(15)
    expect(rounds).toBeLessThan(25)
  })

  it('of both versions moves nothing: there is nothing better', () => {
    const w = world()
    w.upgrade(1)
    w.down('v1')
    w.down('v2')
    expect(w.call().weights).toEqual({ v1: 50, v2: 50 })
    w.up('v1')
    expect(w.settle().weights).toEqual({ v1: 100 })
  })

  it('of a preview that is ready again when its time is up comes at once, and not after one more step', () => {
    const w = world()
    w.upgrade(0)
    w.down('v2')
    expect(w.settle().weights).toEqual({ v1: 100 })
    w.now += policy.progressDeadlineMs
    w.up('v2')
    const d = w.call()
    expect(d).toMatchObject({ weights: { v1: 100 }, phase: 'Failed' })
    expect(d.events[0]).toMatchObject({ kind: 'RolloutFailed', stall: { missing: 'steady' } })
  })

  it('with onFailure pause leaves the weights, until promote gives it more time or abort ends it', () => {
    const w = world({ policy: { onFailure: 'pause' } })
    w.upgrade(0)
    w.set('v2', { ready: false, servable: true, blame: 'slow' })
    w.settle()
    w.now += policy.progressDeadlineMs
    const d = w.call()
    expect(d).toMatchObject({
      phase: 'Paused',
      weights: { v1: 90, v2: 10 },
      awaited: { kind: 'verdict', version: 'v2', ready: false, blame: 'slow' },
    })
    expect(reasons(d)).toEqual(['RolloutHalted'])
    w.up('v2')
    expect(w.after(3_600_000)).toMatchObject({ phase: 'Paused', weights: { v1: 90, v2: 10 } })
    expect(reasons(w.call({ commands: [{ verb: 'promote' }] }))).toEqual(['RolloutResumed'])
    w.settle()
    expect(w.after(60_000).weights).toEqual({ v1: 50, v2: 50 })
    expect(w.call({ commands: [{ verb: 'abort' }] })).toMatchObject({ phase: 'Failed', weights: { v1: 100 } })
  })

  it('by abort: all traffic back in this very call', () => {
    const w = world()
    w.upgrade(1)
    const d = w.call({ commands: [{ verb: 'abort' }] })
    expect(d).toMatchObject({ phase: 'Failed', weights: { v1: 100 }, state: { failed: ['v2'] } })
    expect(reasons(d)).toEqual(['RolloutAborted', 'DrainStarted'])
    expect(w.settle()).toMatchObject({ keep: ['v1'], phase: 'Failed' })
  })

  it('by abort while the active version cannot serve leaves the traffic where it is served, and hands it over later', () => {
    const w = world()
    w.upgrade(1)
    w.down('v1')
    w.settle()
    const d = w.call({ commands: [{ verb: 'abort' }] })
    expect(d).toMatchObject({ weights: { v2: 100 }, keep: ['v1', 'v2'], remove: [] })
    expect(w.after(policy.drainTimeoutMs * 2)).toMatchObject({ weights: { v2: 100 }, remove: [] })
    w.up('v1')
    expect(w.settle()).toMatchObject({ weights: { v1: 100 }, keep: ['v1'] })
  })
})

describe('another spec (R6)', () => {
  it('in mid-rollout replaces the preview', () => {
    const w = world()
    w.upgrade(1)
    w.set('v2', { inFlight: 1 })
    w.desired = 'v3'
    w.up('v3')
    const d = w.call()
    expect(d).toMatchObject({ weights: { v1: 100 }, state: { active: 'v1', preview: 'v3', step: -1 }, keep: ['v1', 'v3', 'v2'] })
    expect(reasons(d)).toEqual(['Superseded', 'RolloutStarted', 'DrainStarted'])
    w.call()
    expect(w.settle().weights).toEqual({ v1: 90, v3: 10 })
    w.set('v2', { inFlight: 0 })
    expect(w.settle().keep).toEqual(['v1', 'v3'])
  })

  it('which is that of the active version takes the traffic back at once', () => {
    const w = world()
    w.upgrade(1)
    w.desired = 'v1'
    const d = w.call()
    expect(d).toMatchObject({ phase: 'Draining', weights: { v1: 100 } })
    expect(reasons(d)).toEqual(['RolledBack', 'DrainStarted'])
    expect(w.settle()).toMatchObject({ phase: 'Ready', keep: ['v1'] })
  })

  it('which is that of a draining version takes it back warm', () => {
    const w = world()
    w.upgrade(2)
    w.set('v1', { inFlight: 1 })
    expect(w.after(1)).toMatchObject({ state: { active: 'v2', draining: [{ id: 'v1' }] } })
    w.desired = 'v1'
    expect(w.call()).toMatchObject({ state: { active: 'v2', preview: 'v1', draining: [] }, keep: ['v2', 'v1'] })
    expect(w.settle().weights).toEqual({ v1: 10, v2: 90 })
  })

  it('which is that of a version being deleted waits until that is gone', () => {
    const w = world()
    w.upgrade(2)
    w.up('v1')
    w.now += 1
    w.call()
    w.call()
    expect(w.call()).toMatchObject({ remove: ['v1'] })
    w.desired = 'v1'
    expect(w.call()).toMatchObject({
      phase: 'Pending',
      remove: ['v1'],
      keep: ['v2'],
      awaited: { kind: 'removal', version: 'v1', thenStarts: true },
    })
    w.seen.delete('v1')
    expect(w.call().state.preview).toBe('v1')
  })

  it('of the policy goes on at the step that asks for no more than the present share', () => {
    const w = world()
    w.upgrade(1)
    const step = (weight: number) => ({ weight, holdMs: 60_000, pause: false })
    w.policy = { ...policy, steps: [step(20), step(40), step(80), step(100)] }
    expect(w.settle()).toMatchObject({ weights: { v1: 60, v2: 40 }, state: { step: 1 } })
    w.policy = { ...policy, steps: [step(100)] }
    expect(w.call()).toMatchObject({ weights: { v1: 100 }, state: { step: -1 } })
  })
})

describe('draining', () => {
  function promoted() {
    const w = world()
    w.upgrade(2)
    w.set('v1', { inFlight: 3 })
    w.after(1)
    return w
  }

  it('takes an unknown number in flight for some', () => {
    const w = promoted()
    w.set('v1', { inFlight: undefined as never })
    expect(w.settle().awaited).not.toHaveProperty('inFlight')
    expect(w.settle()).toMatchObject({ remove: [], letGo: [], awaited: { kind: 'drained', version: 'v1' } })
  })

  it('never removes what a proxy still names', () => {
    const w = promoted()
    w.set('v1', { inFlight: 0, released: false })
    expect(w.after(24 * 3_600_000)).toMatchObject({ letGo: ['v1'], remove: [], awaited: { kind: 'released', version: 'v1' } })
  })

  it('cuts what does not end within its time, and says so', () => {
    const w = promoted()
    w.now += policy.drainTimeoutMs
    const cut = w.call()
    expect(cut).toMatchObject({ letGo: ['v1'], remove: [], state: { draining: [{ id: 'v1', cut: 3 }] } })
    expect(cut.requeueAfterMs).toBe(1_000) // a proxy still names it: looked at again, and not at once, over and over
    expect(cut.events).toEqual([{ kind: 'DrainCut', at: 'release', version: 'v1', inFlight: 3, timeoutMs: policy.drainTimeoutMs }])
    // The proxies have ended them by now (issue 10, 37).
    w.set('v1', { inFlight: 0 })
    const d = w.call()
    expect(d.remove).toEqual(['v1'])
    expect(d.events).toEqual([{ kind: 'VersionRemoved', version: 'v1', cut: 3 }])
  })

  it('gives a drain its whole time again when the clock was set forward', () => {
    const w = promoted()
    w.now += 3_600_000
    w.clockSetAt = w.now
    expect(w.call()).toMatchObject({ letGo: [] })
    w.now += policy.drainTimeoutMs - 1
    expect(w.call()).toMatchObject({ letGo: [] })
    w.now += 1
    expect(w.call()).toMatchObject({ letGo: ['v1'] })
  })

  it('of an aborted version promises no new start (issue 10, 39)', () => {
    const w = world()
    w.upgrade()
    const awaited: unknown[] = []
    w.call({ commands: [{ verb: 'abort' }] })
    for (let i = 0; i < 5; i += 1) awaited.push(w.after(1).awaited)
    expect(awaited).not.toContainEqual(expect.objectContaining({ thenStarts: true }))
    expect(awaited.at(-1)).toEqual({ kind: 'otherVersion', version: 'v2' })
  })

  it('also takes in versions that nobody remembers', () => {
    const w = world()
    w.up('v1')
    w.settle()
    const stray: ObservedVersion = { id: 'v0', ready: true, servable: true, weightObserved: 0, inFlight: 0, released: false }
    expect(w.call({ versions: [...w.versions(), stray] })).toMatchObject({ state: { draining: [{ id: 'v0' }] } })
  })
})

describe('a lost status', () => {
  it('does not make a serving version be removed', () => {
    const w = world()
    const v = (id: string, weightObserved: number): ObservedVersion => ({
      id,
      ready: true,
      servable: true,
      weightObserved,
      inFlight: 5,
      released: false,
    })
    w.desired = 'v2'
    const d = w.call({ versions: [v('v1', 90), v('v2', 10)] })
    expect(d).toMatchObject({ weights: { v1: 100 }, state: { active: 'v1', preview: 'v2' }, remove: [] })
    expect(reasons(d)).toContain('Adopted')
  })

  it('of another release, with fields missing, is read with what it has', () => {
    const w = world()
    w.desired = 'v1'
    const v1: ObservedVersion = { id: 'v1', ready: true, servable: true, weightObserved: 100, inFlight: 0, released: false }
    expect(w.call({ state: { active: 'v1' } as RolloutState, versions: [v1] })).toMatchObject({ phase: 'Ready', weights: { v1: 100 } })
  })
})
