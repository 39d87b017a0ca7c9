import { ANNOTATIONS, LABELS } from '@weaver/crds'
import type { Revision } from './cluster-view.js'
import { expiredRevisions, versionOf, type RevisionHistory } from './known-versions.js'

const record = (version: string, revision: number, retired?: string): Revision => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: {
    name: `hello-${version}`,
    labels: { [LABELS.version]: version },
    annotations: retired === undefined ? {} : { [ANNOTATIONS.retired]: retired },
  },
  revision,
})
/** The first made served for long; two that were made later failed, and retired before it. */
const RECORDS = [
  record('good', 1, '2026-03-09T10:00:00.000Z'),
  record('failed-2', 2, '2026-03-07T10:00:00.000Z'),
  record('failed-3', 3, '2026-03-08T10:00:00.000Z'),
  record('present', 4),
]
const expired = (history: Partial<RevisionHistory>, records = RECORDS) =>
  expiredRevisions(records, { limit: 1, live: [], ...history }).map(versionOf)

describe('the history of versions', () => {
  it('keeps those that retired last, whenever they were made', () => {
    expect(expired({})).toEqual(['failed-3', 'failed-2'])
    expect(expired({ limit: 2 })).toEqual(['failed-2'])
    expect(expired({ limit: 3 })).toEqual([])
  })

  it('keeps the later made of two that retired at once, and one without a time last', () => {
    const at = '2026-03-09T10:00:00.000Z'
    expect(expired({}, [record('a', 1, at), record('b', 2, at), record('c', 3, 'long ago')])).toEqual(['a', 'c'])
  })

  it.each<[string, Partial<RevisionHistory>]>([
    ['has a plan', { live: ['failed-2'] }],
    ['the spec asks for', { desired: 'failed-2' }],
    ['is rolled out', { state: { step: -1, progressAt: 0, draining: [], failed: [], preview: 'failed-2' } }],
    ['serves', { state: { step: -1, progressAt: 0, draining: [], failed: [], active: 'failed-2' } }],
  ])('neither forgets nor counts a version that %s', (_what, history) => {
    expect(expired({ ...history, limit: 0 })).toEqual(['good', 'failed-3'])
    expect(expired({ ...history, limit: 1 })).toEqual(['failed-3'])
  })
})
