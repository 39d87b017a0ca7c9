import { ANNOTATIONS, LABELS, weaverAppSpecSchema } from '@weaver/crds'
import type { RolloutState } from '@weaver/rollout'
import type { KubeApi, KubeObject } from '@weaver/kube'
import { createLogger } from '../log/logger.js'
import { GRAPH, spec, V1 } from '../testing/app-story.js'
import type { Revision } from './cluster-view.js'
import { versionOf } from './known-versions.js'
import { lostRevisions, restoreRevisions } from './lost-revisions.js'

const APP = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'shop', name: 'hello', uid: 'u-1' }
const snapshot = (versionId: string) => ({
  format: 1,
  versionId,
  spec: weaverAppSpecSchema.parse(spec(V1)),
  graph: GRAPH,
  imageReference: V1,
})
const record = (version: string, revision: number, more: { readonly isRetired?: boolean; readonly data?: unknown } = {}): Revision => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: {
    name: `hello-${version}`,
    namespace: 'shop',
    labels: { [LABELS.version]: version },
    annotations: more.isRetired === true ? { [ANNOTATIONS.retired]: '2026-01-01T00:00:00.000Z' } : {},
  },
  revision,
  data: more.data ?? snapshot(version),
})
const state = (more: Partial<RolloutState>): RolloutState => ({ step: -1, progressAt: 0, draining: [], failed: [], ...more })

async function restore(found: readonly Revision[], from: { readonly known?: readonly Revision[]; readonly state: RolloutState }) {
  const lines: string[] = []
  const write = async (_kind: unknown, object: KubeObject) => object
  const api = { get: async () => undefined, apply: write, create: write } as unknown as KubeApi // what making a record calls
  const known = new Map((from.known ?? []).map((r) => [versionOf(r) ?? '', r] as const))
  const { made, problems } = await restoreRevisions(api, APP, {
    lost: lostRevisions(found, { known, state: from.state }),
    found,
    log: createLogger({ write: (line) => void lines.push(line) }),
    signal: new AbortController().signal,
  })
  const logged = lines.map((line) => JSON.parse(line) as { readonly level: string; readonly version: string })
  return {
    made: made.map((r) => [versionOf(r), r.revision]),
    problems: problems.map((p) => p.message),
    logged: logged.map((l) => [l.level, l.version]),
  }
}

it('a retired version that the rollout takes up again has the newest number, and nobody is warned', async () => {
  const found = [record('v1', 1, { isRetired: true }), record('v2', 2)]
  // The pass before has seen it live.
  expect(await restore(found, { known: [record('v1', 1)], state: state({ active: 'v2', preview: 'v1' }) })).toEqual({
    made: [['v1', 3]],
    problems: [],
    logged: [['info', 'v1']],
  })
})

it('a record that someone deleted is made again with its number, and with a warning', async () => {
  const known = [record('v1', 1), record('v2', 2)]
  expect(await restore([record('v2', 2)], { known, state: state({ active: 'v1', preview: 'v2' }) })).toEqual({
    made: [['v1', 1]],
    problems: [],
    logged: [['warn', 'v1']],
  })
})

it('one that cannot be read is a problem, and holds up no other', async () => {
  const found = [record('v1', 1, { isRetired: true, data: { format: 2 } }), record('v2', 2, { isRetired: true })]
  expect(await restore(found, { state: state({ active: 'v1', preview: 'v2' }) })).toEqual({
    made: [['v2', 3]],
    problems: [expect.stringContaining('ControllerRevision "hello-v1"')],
    logged: [['info', 'v2']],
  })
})
