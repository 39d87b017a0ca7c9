/**
 * A traffic driver at the border of reconciler tests. Differs from the real one: there are no proxies; a plan is in force after `lag` further syncs, and what
 * is observed is what was asked. It checks every plan that it is given against the invariants that no plan may break, and keeps what broke them.
 */
import type { TrafficDriver, TrafficObservation, TrafficPlan } from '../traffic/driver.js'

export interface FakeTrafficDriver extends TrafficDriver {
  /** Syncs until a new plan is in force. @default 0 */
  lag: number
  /** What is in flight cannot be told, as while a proxy ends. @default false */
  isBlind: boolean
  /** Under load each look sees another number of requests in flight. @default false */
  isUnderLoad: boolean
  /** Broken invariants; empty is good. */
  readonly violations: string[]
  /** Every weight vector that was asked for, in order, without repetitions, as `v1=90 v2=10`. */
  readonly asked: string[]
  /** Apps whose objects were asked to go, with repetitions. */
  readonly removed: string[]
  /** Weights now in force for the app's first listener. */
  weights(app: { readonly namespace: string; readonly name: string }): Readonly<Record<string, number>>
}

interface Proxies {
  plan: TrafficPlan
  inForce: TrafficPlan | undefined
  left: number
}

export function createFakeTrafficDriver(): FakeTrafficDriver {
  const apps = new Map<string, Proxies>()
  const keyOf = (app: { readonly namespace: string; readonly name: string }) => `${app.namespace}/${app.name}`
  let looks = 0
  const driver: FakeTrafficDriver = {
    lag: 0,
    isBlind: false,
    isUnderLoad: false,
    violations: [],
    asked: [],
    removed: [],
    weights: (app) => apps.get(keyOf(app))?.inForce?.listeners[0]?.weights ?? {},
    capabilities: { countsRequests: true },
    async sync(plan) {
      driver.violations.push(...violationsOf(plan))
      const key = keyOf(plan.app)
      const text = JSON.stringify(plan)
      const before = apps.get(key)
      const proxies =
        before !== undefined && JSON.stringify(before.plan) === text ? before : { plan, inForce: before?.inForce, left: driver.lag }
      apps.set(key, proxies)
      if (proxies.left <= 0) proxies.inForce = proxies.plan
      else proxies.left -= 1
      const asked = Object.entries(plan.listeners[0]?.weights ?? {})
        .filter(([, w]) => w > 0)
        .map(([id, w]) => `${id}=${w}`)
        .sort()
        .join(' ')
      if (asked !== '' && driver.asked.at(-1) !== asked) driver.asked.push(asked)
      looks += 1
      const observation = observe(proxies, driver.isUnderLoad ? looks : 0)
      return driver.isBlind ? { ...observation, inFlight: {} } : observation
    },
    async remove(app) {
      driver.removed.push(keyOf(app))
    },
    forget(app) {
      apps.delete(keyOf(app))
    },
    async close() {},
  }
  return driver
}

function observe({ plan, inForce }: Proxies, inFlight: number): TrafficObservation {
  const isInSync = inForce === plan
  const backends = inForce?.listeners.flatMap((l) => l.backends.map((b) => b.versionId)) ?? []
  const weights = inForce?.listeners[0]?.weights ?? {}
  return {
    inSync: isInSync,
    ...(isInSync ? {} : { waitingFor: 'fake proxies to follow' }),
    weightObserved: Object.fromEntries(backends.map((id) => [id, weights[id] ?? 0])),
    inFlight: Object.fromEntries(backends.map((id) => [id, inFlight])),
    requests: {},
    released: [],
  }
}

function violationsOf(plan: TrafficPlan): string[] {
  return plan.listeners.flatMap(({ listener, backends, weights }) => {
    const total = Object.values(weights).reduce((a, b) => a + b, 0)
    const wrongSum = Object.keys(weights).length > 0 && total !== 100 ? [`${listener.name}: weights sum to ${total}`] : []
    const unserved = Object.entries(weights)
      .filter(([id, w]) => w > 0 && backends.find((b) => b.versionId === id)?.pods.some((p) => p.ready) !== true)
      .map(([id, w]) => `${listener.name}: weight ${w} on "${id}", which has no ready endpoint`)
    return [...wrongSum, ...unserved]
  })
}
