import { LABELS, type VersionStatus } from '@weaver/crds'
import { createStyle } from '../../print/output.js'
import type { Pod } from './pod.js'
import { linesUnder } from './version-tree.js'

const VERSION: VersionStatus = { id: 'v2', image: 'i', phase: 'Starting', ready: '1/2', weightDesired: 10 }

function pod(
  name: string,
  group: string,
  more: { readonly version?: string; readonly ending?: true; readonly status?: Pod['status'] } = {},
): Pod {
  const labels = { [LABELS.version]: more.version ?? 'v2', [LABELS.group]: group }
  const deletion = more.ending === undefined ? {} : { deletionTimestamp: '2026-01-01T00:00:00Z' }
  const status = more.status ?? { phase: 'Running', containerStatuses: [{ name: 'app', restartCount: 0, ready: true }] }
  return { metadata: { name, uid: name, labels, ...deletion }, spec: { containers: [] }, status }
}

it('shows what the analysis says, then every group with its pods and why they are not ready', () => {
  const crashing = { name: 'app', restartCount: 4, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }
  const pods = [
    pod('text-b', 'text', { status: { phase: 'Running', containerStatuses: [crashing] } }),
    pod('text-a', 'text', { status: { phase: 'Running', containerStatuses: [{ name: 'app', restartCount: 1, ready: false }] } }),
    pod('text-c', 'text', { ending: true }),
    pod('text-d', 'text', { status: { phase: 'Pending' } }),
    pod('main-a', 'main'),
    pod('old', 'main', { version: 'v1' }),
  ]
  expect(linesUnder({ ...VERSION, analysis: { state: 'Passing', reason: 'none is worse' } }, pods, createStyle(false))).toEqual([
    '    ├─ analysis Passing: none is worse',
    '    ├─ main  1/1 ready',
    '    │  └─ main-a  ready',
    '    └─ text  0/4 ready',
    '       ├─ text-a  running, not ready, 1 restart',
    '       ├─ text-b  CrashLoopBackOff, 4 restarts',
    '       ├─ text-c  ending',
    '       └─ text-d  pending',
  ])
  expect(linesUnder(VERSION, [], createStyle(false))).toEqual([])
})
