import type { WeaverAppStatus } from '@weaver/crds'
import { assumedTraffic } from '../traffic/none/assumed-traffic.js'
import { buildAppStatus, type StatusInput } from './app-status.js'
import { mergeConditions } from './conditions.js'
import type { WordedDecision } from './rollout-words.js'

const T0 = Date.parse('2026-01-01T00:00:00Z')

function decision(more: Partial<WordedDecision> = {}): WordedDecision {
  return {
    state: { active: 'v1', preview: 'v2', step: 1, progressAt: T0, draining: [], failed: [] },
    phase: 'Progressing',
    weights: { v1: 75, v2: 25 },
    keep: ['v1', 'v2'],
    letGo: [],
    remove: [],
    events: [],
    schedule: [{ at: T0 + 60_000, weight: 50 }],
    ...more,
  }
}
function input(more: Partial<StatusInput> = {}, findings: Partial<StatusInput['findings']> = {}): StatusInput {
  const version = { groupsReady: 3, groupsWanted: 3, ready: true }
  return {
    previous: undefined,
    generation: 2,
    now: T0,
    desired: 'v2',
    image: 'reg/app:v2',
    versions: [
      { ...version, id: 'v1', image: 'reg/app:v1', weightDesired: 75, weightObserved: 75.4 },
      { ...version, id: 'v2', image: 'reg/app:v2', weightDesired: 25, weightObserved: 24.6 },
    ],
    steps: 5,
    findings: {
      specProblems: [],
      isSuspended: false,
      decision: decision(),
      active: { id: 'v1', ready: true, servable: true },
      isolation: 'account-per-version',
      sharedInboxes: [],
      failures: [],
      taken: [],
      ...findings,
    },
    ...more,
  }
}
const condition = (status: WeaverAppStatus, type: string) => status.conditions?.find((c) => c.type === type)

describe('status of an app', () => {
  it('shows the rollout in the printer fields', () => {
    expect(buildAppStatus(input())).toMatchObject({
      observedGeneration: 2,
      phase: 'Progressing',
      ready: '3/3',
      active: 'v1',
      preview: 'v2',
      weight: '25/25',
      step: '2/5',
      next: '50% at 2026-01-01T00:01:00Z',
      image: 'reg/app:v2',
    })
  })

  it('is the same for the same facts, so that nothing is written', () => {
    const first = buildAppStatus(input())
    expect(buildAppStatus(input({ previous: first, now: T0 + 5_000 }))).toEqual(first)
  })

  it('keeps the reason of a failure for as long as the spec asks for the failed version', () => {
    const failed = decision({
      phase: 'Failed',
      state: { active: 'v1', step: -1, progressAt: T0, draining: [], failed: ['v2'] },
      schedule: [],
    })
    const why = 'component "httpserver/Reverser": pod "p": CrashLoopBackOff'
    const first = buildAppStatus(
      input({}, { decision: { ...failed, events: [{ reason: 'RolloutFailed', version: 'v2', message: why, type: 'Warning' }] } }),
    )
    const later = buildAppStatus(input({ previous: first, now: T0 + 60_000, versions: input().versions.slice(0, 1) }, { decision: failed }))
    expect(condition(later, 'Stalled')).toMatchObject({ status: 'True', reason: 'RolloutFailed', message: why })
    expect(condition(later, 'Ready')).toMatchObject({ status: 'False', message: why })
    const aborted = buildAppStatus(
      input({}, { decision: { ...failed, events: [{ reason: 'RolloutAborted', version: 'v2', message: 'given up', type: 'Warning' }] } }),
    )
    for (const type of ['Stalled', 'Degraded', 'Progressing']) expect(condition(aborted, type)?.reason).toBe('RolloutAborted')
    expect(condition(later, 'Available')).toMatchObject({ status: 'True' })
  })

  it('reports a wrong spec with its path while the engine goes on', () => {
    const status = buildAppStatus(input({}, { specProblems: ['spec.groups[0].components[1]: unknown component; remove it'] }))
    expect(condition(status, 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.groups[0].components[1]'),
    })
    expect(status.phase).toBe('Progressing')
    expect(buildAppStatus(input({}, { specProblems: ['x'], decision: decision({ phase: 'Ready' }) })).phase).toBe('Failed')
  })

  it('does not leave standing what was true of another image (issue 10, 39)', () => {
    const described = { ok: true, reason: 'Described', message: 'image "reg/app:v1" holds 3 components' } as const
    const before = buildAppStatus(input({}, { describe: described, pin: { pinned: true, message: 'every pod runs "x"' } }))
    const wrong = buildAppStatus(input({ previous: before }, { specProblems: ['spec.image: is missing; give a string'] }))
    for (const type of ['Described', 'ImagePinned'])
      expect(condition(wrong, type)).toMatchObject({
        status: 'Unknown',
        reason: 'InvalidSpec',
        message: expect.stringContaining('Stalled'),
      })
    const next = buildAppStatus(input({ previous: before }, { describe: { ok: false, reason: 'Describing', message: 'reads the graph' } }))
    expect(condition(next, 'ImagePinned')).toMatchObject({ status: 'Unknown', reason: 'Describing', message: 'reads the graph' })
    const frozen = buildAppStatus(input({ previous: before }, { isSuspended: true }))
    expect(condition(frozen, 'Described')).toMatchObject({ status: 'Unknown', reason: 'Suspended' })
    // A failed version has been described; what is known of it stays.
    expect(condition(buildAppStatus(input({ previous: before })), 'Described')).toMatchObject({ status: 'True' })
  })

  it('says in a column what is awaited, and in full why', () => {
    const short = (waitingFor: string) => buildAppStatus(input({}, { decision: decision({ waitingFor }) })).awaits
    expect(short('version "v2" to be ready: component "a/B": pod "p": CrashLoopBackOff (4 restarts)')).toBe('version "v2" to be ready')
    expect(short('promote, to go on from step 2/5 (20 %): set the annotation')).toBe('promote, to go on from step 2/5')
    expect(short('a'.repeat(200))).toHaveLength(48)
  })

  it('claims that weights were read back only where something reads them', () => {
    const message = (traffic: { readonly inSync: boolean; readonly assumedBecause?: string }) =>
      condition(buildAppStatus(input({}, { traffic })), 'TrafficInSync')?.message
    const backends = { listener: { name: 'lis', port: 80 }, backends: [], weights: {} }
    const plan = { app: { namespace: 'shop', name: 'hello', uid: 'u-1', replicas: 1 }, versions: ['v1'] }
    expect(message({ inSync: true })).toBe('every proxy has read back the asked weights')
    expect(message(assumedTraffic({ ...plan, listeners: [backends] }))).toBe(
      'the asked weights are taken as in force: spec.traffic.driver is "none", and nothing reads them back',
    )
    expect(message(assumedTraffic({ ...plan, listeners: [] }))).toBe(
      'the asked weights are taken as in force: there is no listener whose traffic could be split, and nothing reads them back',
    )
  })

  it('takes out conditions of earlier releases', () => {
    const old = { type: 'IsolationVerified', status: 'True', reason: 'AccountPerVersion', message: 'm', lastTransitionTime: 't' } as const
    const status = buildAppStatus(input({ previous: { conditions: [old] } }))
    expect(condition(status, 'IsolationVerified')).toBeUndefined()
    expect(condition(status, 'Isolated')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('each version has a broker account of its own'),
    })
  })

  it('does not call an app Ready while the version asked for is still being described', () => {
    const status = buildAppStatus(
      input(
        {},
        { decision: decision({ phase: 'Ready' }), describe: { ok: false, reason: 'Describing', message: 'image is being described' } },
      ),
    )
    expect(status).toMatchObject({ phase: 'Starting', waitingFor: 'image is being described' })
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', message: 'image is being described' })
    expect(condition(status, 'Reconciling')).toMatchObject({ status: 'True' })
  })

  it('has Ready from the first sight, and bounds history at 50', () => {
    const { decision: _none, active: _nor, ...nothing } = input().findings
    expect(condition(buildAppStatus(input({ versions: [], findings: nothing })), 'Ready')).toMatchObject({ status: 'Unknown' })
    let status: WeaverAppStatus | undefined
    for (let i = 0; i < 60; i++)
      status = buildAppStatus({
        ...input({}, { decision: decision({ events: [{ reason: 'StepStarted', version: 'v2', message: `${i}`, type: 'Normal' }] }) }),
        previous: status,
      })
    expect(status?.history).toHaveLength(50)
    expect(status?.history?.at(-1)?.message).toBe('59')
  })
})

describe('conditions', () => {
  it('move their time only with their status', () => {
    const at = (now: string) => ({ generation: 1, now })
    const first = mergeConditions([], [{ type: 'Ready', status: 'False', reason: 'Starting', message: 'a' }], at('t1'))
    const second = mergeConditions(first, [{ type: 'Ready', status: 'False', reason: 'Paused', message: 'b' }], at('t2'))
    expect(second).toEqual([
      { type: 'Ready', status: 'False', reason: 'Paused', message: 'b', lastTransitionTime: 't1', observedGeneration: 1 },
    ])
    const third = mergeConditions(second, [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'c' }], at('t3'))
    expect(third[0]?.lastTransitionTime).toBe('t3')
  })
})
