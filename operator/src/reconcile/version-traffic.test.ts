import { brokenInvariants, decide, type RolloutInput, type RolloutState } from '@weaver/rollout'
import { createLogger } from '../log/logger.js'
import { createFakeBroker } from '../testing/fake-broker.js'
import { forEngine, type PlacedVersion } from './version.js'
import { withTraffic } from './version-traffic.js'

const POLICY = {
  steps: [{ weight: 10, holdMs: 0, pause: true }],
  paused: false,
  onFailure: 'rollback',
  progressDeadlineMs: 600_000,
  drainTimeoutMs: 60_000,
} as const
const placed = (versionId: string): PlacedVersion =>
  // of a plan and an observation, what is looked at here
  ({
    plan: { versionId, app: { name: 'shop', namespace: 'shop' } },
    observed: { id: versionId, ready: true, servable: true, pods: 1, readyPods: [`${versionId}-pod`] },
  }) as unknown as PlacedVersion

it('a preview whose weight was taken away earlier is not removed in the pass in which it starts to drain while it runs calls', async () => {
  const broker = createFakeBroker()
  broker.inFlight.set('v2', 3)
  const deps = { broker, log: createLogger({ write: () => undefined }) }
  // The proxies have forgotten v2: it became unservable, gave its traffic back and recovered. Now
  // the spec asks for v1 again.
  const traffic = { inSync: true, weightObserved: { v1: 100, v2: 0 }, inFlight: { v1: 0, v2: 0 }, requests: {}, released: ['v2'] }
  let state: RolloutState = { active: 'v1', preview: 'v2', step: -1, progressAt: 0, weights: { v1: 100 }, draining: [], failed: [] }
  const pass = async (now: number) => {
    const { drainTimeoutMs } = POLICY
    const signal = new AbortController().signal
    const versions = await withTraffic(deps, [placed('v1'), placed('v2')], {
      traffic,
      state,
      now,
      clockSetAt: 0,
      drainTimeoutMs,
      retainMs: 0,
      signal,
    })
    const input: RolloutInput = { now, desired: 'v1', policy: POLICY, versions: versions.map((v) => forEngine(v)), state, commands: [] }
    const decision = decide(input)
    expect(brokenInvariants(input, decision)).toEqual([])
    state = decision.state
    return decision.remove
  }
  expect(await pass(1_000)).toEqual([])
  expect(state.draining.map(({ id, letGo }) => [id, letGo])).toEqual([['v2', undefined]])
  expect(await pass(2_000)).toEqual([])
  broker.inFlight.set('v2', 0)
  expect(await pass(3_000)).toEqual(['v2'])
})
