import { SeenSince } from '../clock/seen-since.js'
import type { VersionPlan } from '../desired/version-plan.js'
import { createMemoryKube } from '../testing/memory-kube.js'
import type { AppObjects } from './cluster-view.js'
import { removeVersionChildren, type ChildrenDeps } from './version-children.js'

const PLAN = {
  app: { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'shop', name: 'web', uid: 'u' },
  versionId: 'aaaaaaaa',
  deploymentId: 'web.aaaaaaaa',
  groups: [{ name: 'main', graceSeconds: 60, secretName: 'web-main-aaaaaaaa-nats' }],
  snapshot: { versionId: 'aaaaaaaa', graph: { components: [] } },
} as unknown as VersionPlan // what a removal reads of it

/** A pod on a node that was lost: it is terminating for ever. By which clock does not matter. */
const lost = (deletionTimestamp: string): AppObjects =>
  ({
    workloads: [],
    pods: [{ metadata: { name: 'p', labels: { 'weaver.dev/version': 'aaaaaaaa', 'weaver.dev/role': 'weavelet' }, deletionTimestamp } }],
  }) as unknown as AppObjects // the same

it.each(['2001-01-01T00:00:00Z', '2101-01-01T00:00:00Z'])(
  'a pod that never ends is given up after its grace, by the steady clock: %s',
  async (at) => {
    let steady = 5
    const closed: string[] = []
    const deps = {
      api: createMemoryKube(),
      broker: { removeVersion: ({ versionId }: { versionId: string }) => Promise.resolve(void closed.push(versionId)) },
      applier: { forget: () => undefined },
      now: () => 1_800_000_000_000,
      ending: new SeenSince(() => steady),
    } as unknown as ChildrenDeps // the same
    const remove = () => removeVersionChildren(deps, PLAN, lost(at), { historyLimit: 0, signal: AbortSignal.timeout(60_000) })
    expect(await remove()).toBe('pods')
    steady += 90_000
    expect(await remove()).toBe('pods')
    expect(closed).toEqual([])
    steady += 1
    expect(await remove()).toBe('done')
    expect(closed).toEqual(['aaaaaaaa'])
  },
)
