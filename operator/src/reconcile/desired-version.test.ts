import { SeenSince } from '../clock/seen-since.js'
import { ANNOTATIONS, LABELS, versionIdOf, weaverAppSpecSchema } from '@weaver/crds'
import type { KubeApi } from '@weaver/kube'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import { GRAPH, spec, V1, V2 } from '../testing/app-story.js'
import type { AppObjects, Revision } from './cluster-view.js'
import { findDesiredVersion, policyOf } from './desired-version.js'

const snapshotOf = (image: string): VersionSnapshot => {
  const made = weaverAppSpecSchema.parse(spec(image))
  return { format: 1, versionId: versionIdOf(made), spec: made, graph: GRAPH, imageReference: image }
}

it('reads no retired record where the spec asks for a live version', async () => {
  const [live, retired] = [snapshotOf(V1), snapshotOf(V2)]
  let reads = 0
  const record: Revision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `hello-${retired.versionId}`,
      labels: { [LABELS.version]: retired.versionId },
      annotations: { [ANNOTATIONS.retired]: '2026-01-01T00:00:00.000Z' },
    },
    revision: 1,
    get data() {
      reads += 1
      return retired
    },
  }
  const objects: AppObjects = { workloads: [], pods: [], slices: [], services: [], revisions: [record], child: () => undefined }
  const input = {
    app: { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'shop', name: 'hello', uid: 'u-1' },
    rawSpec: spec(V1),
    objects,
    snapshots: [live],
    state: undefined,
    isFrozen: false,
    failedDescriptions: new SeenSince(() => 0),
    signal: new AbortController().signal,
  }
  // Nothing is written or read for a version that is live.
  const found = await findDesiredVersion({} as KubeApi, input)
  expect(found).toMatchObject({ id: live.versionId, isKnown: true, snapshots: [live] })
  expect(reads).toBe(0)
})

it('goes by the settings of a live version while the spec is unusable, but not for what is retained', () => {
  const { spec: made } = snapshotOf(V1)
  const present = { ...made, rollout: { ...made.rollout, retain: { for: '1h', versions: 1 } } }
  const placed = [{ plan: { snapshot: { spec: made } } }] as unknown as Parameters<typeof policyOf>[1] // what it reads
  expect(policyOf({ spec: present }, placed)?.retain).toEqual({ forMs: 3_600_000, versions: 1 })
  expect(policyOf({}, placed)).toMatchObject({ retain: 'unknown', paused: false })
  expect(policyOf({}, [])).toBeUndefined()
})
