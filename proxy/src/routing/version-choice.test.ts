import type { Affinity } from '../proxy.js'
import { BackendState } from './backend.js'
import { TargetState } from './target-state.js'
import { readAsk, VersionChoice } from './version-choice.js'

const backend = new BackendState({ id: 'b', host: '127.0.0.1', port: 1 }, { changed: () => undefined, down: () => undefined })
const targets = (weights: Readonly<Record<string, number>>): TargetState[] =>
  Object.entries(weights).map(([id, weight]) => Object.assign(new TargetState(id), { version: id, weight, backends: [backend] }))
const head = (fields: readonly string[] = [], path = '/'): string => [`GET ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n')

it('10,000 users with a key over two rollouts: nobody goes back, and the shares of users are within a point', () => {
  const affinity: Affinity = { mode: 'monotone', key: { header: 'x-user' }, maxAgeSeconds: 60 }
  const asks = Array.from({ length: 10_000 }, (_, i) => readAsk(head([`X-User: user-${i}@example.com`]), affinity))
  let before: string[] = asks.map(() => 'v1')
  for (const [from, to] of [
    ['v1', 'v2'],
    ['v2', 'v3'],
  ] as const)
    for (const share of [1, 5, 10, 25, 50, 75, 100]) {
      const choice = new VersionChoice(affinity, targets({ [from]: 100 - share, [to]: share }), 0)
      const got = asks.map((ask) => choice.turn(ask)?.target?.id ?? '')
      expect(got.filter((version, i) => version !== to && version !== before[i])).toEqual([])
      expect(Math.abs(got.filter((version) => version === to).length / 100 - share)).toBeLessThan(1)
      before = got
    }
})

it('numbers of the counter are split exactly, also where regions share a host', () => {
  const affinity: Affinity = { mode: 'monotone', maxAgeSeconds: 60 }
  for (const weights of [
    { v1: 90, v2: 10 },
    { 'west/v1': 75, 'west/v2': 25, 'east/v1': 100, 'east/v2': 0 },
  ]) {
    const choice = new VersionChoice(affinity, targets(weights), 4_321)
    const counts: Record<string, number> = {}
    for (let i = 0; i < 10_000; i++) {
      const id = choice.turn(readAsk(head(), affinity))?.target?.id ?? ''
      counts[id] = (counts[id] ?? 0) + 1
    }
    const total = Object.values(weights).reduce((a, b) => a + b, 0)
    expect(counts).toEqual(Object.fromEntries(Object.entries(weights).flatMap(([id, w]) => (w === 0 ? [] : [[id, (w * 10_000) / total]]))))
    expect(choice.count).toBe(4_321)
  }
  expect(new VersionChoice(affinity, targets({ v1: 0 }), 0).turn(readAsk(head(), affinity))).toEqual({ target: undefined, counted: 0 })
  // Without an affinity the exact counter of the weights says whose turn it is.
  expect(new VersionChoice(undefined, targets({ v1: 1 }), 0).turn(readAsk(head(), undefined))).toBeUndefined()
})

it('reads what a request says, and nothing that it does not say', () => {
  const read = (fields: readonly string[], path?: string, affinity?: Affinity) => {
    const { asked, by, cookie, number } = readAsk(head(fields, path), affinity)
    return [asked, by, cookie, number]
  }
  expect(read([])).toEqual([undefined, undefined, undefined, undefined])
  expect(read(['X-WEAVER-Version:  v2 ', 'x-weaver-version: v3'], '/?weaver-version=v4')).toEqual(['v3', 'header', undefined, undefined])
  expect(read(['Cookie: a; weaver-version = v5; weaver-version=v6'], '/a?b&weaver-version=&c')).toEqual(['v6', 'cookie', 'v6', undefined])
  expect(read(['Cookie: weaver-version='], '/a?b;weaver-version=v1')).toEqual(['v1', 'query', undefined, undefined])
  expect(read(['cookie: a=b', 'cookie: weaver-version=v5'], '/?weaver-versions=v1&x=weaver-version=v1')).toEqual(['v5', 'cookie', 'v5', undefined]) // prettier-ignore
  expect(read(['X-Other: x-weaver-version: v9', 'Referer: /?weaver-version=v9'])).toEqual([undefined, undefined, undefined, undefined])
  const monotone: Affinity = { mode: 'monotone', maxAgeSeconds: 60 }
  expect(read(['Cookie: weaver-bucket=0042'], '/', monotone)).toEqual([undefined, undefined, undefined, 42])
  for (const bad of ['-1', '10000', '1e3', '', '0x1', ' ']) expect(read([`Cookie: weaver-bucket=${bad}`], '/', monotone)[3]).toBeUndefined()
  expect(read(['Cookie: weaver-bucket=42'])[3]).toBeUndefined()
  expect(read(['X-User: ', 'Cookie: weaver-bucket=42'], '/', { ...monotone, key: { header: 'X-User' } })[3]).toBeUndefined()
})
