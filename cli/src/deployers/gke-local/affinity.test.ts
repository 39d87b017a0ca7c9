import { parseDuration } from '@weaver/crds'
import type { AffinitySection } from '../../config/affinity-schema.js'
import { affinityOf } from './affinity.js'

function read(given: AffinitySection): [unknown, string[]] {
  const problems: string[] = []
  const report = (key: readonly PropertyKey[], message: string, hint: string) => void problems.push(`${key.join('.')} ${message}; ${hint}`)
  return [affinityOf(given, { report, duration: (text) => (text === undefined ? undefined : parseDuration(text)) }), problems]
}

it('takes what is given, and the defaults of the cluster', () => {
  expect(read({})).toEqual([{ mode: 'monotone', maxAgeSeconds: 86_400 }, []])
  expect(read({ mode: 'newSessionsOnly', key: { cookie: 'sid' }, carriers: ['cookie'], max_age: '2h' })).toEqual([
    { mode: 'newSessionsOnly', key: { cookie: 'sid' }, carriers: ['cookie'], maxAgeSeconds: 7_200 },
    [],
  ])
})

it.each<[AffinitySection, string]>([
  [{ key: {} }, 'gke.affinity.key is empty; give either header or cookie'],
  [{ key: { header: 'A', cookie: 'b' } }, 'gke.affinity.key names a header and a cookie; give either header or cookie'],
  [{ key: { header: 'A b' } }, 'gke.affinity.key.header "A b" is no name of a header; use letters, digits, "-" and "_"'],
  [
    { mode: 'newSessionsOnly', carriers: [] },
    'gke.affinity.carriers leave out cookie, in which newSessionsOnly keeps the version; add cookie',
  ],
  [{ max_age: '1ms' }, 'gke.affinity.max_age is less than a second; leave affinity out to choose the version of each request by itself'],
])('refuses %j', (given, problem) => {
  expect(read(given)[1]).toEqual([problem])
})
