import { planTraffic, type TrafficRegion, type TrafficVersion } from './traffic-plan.js'

const version = (id: string, weight: number, hosts: readonly string[] = ['a.com']): TrafficVersion => ({
  id,
  weight,
  listeners: hosts.map((host) => ({ name: host, host, isPublic: true })),
  backends: Object.fromEntries(hosts.map((host) => [host, [{ id: `${id} ${host}`, host: '127.0.0.1', port: 1 }]])),
})
const shares = (...regions: readonly TrafficRegion[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    planTraffic(regions).routes.map(({ host = '', targets }) => [host, targets.map(({ id, weight }) => `${id}:${weight}`).join(' ')]),
  )

it('regions share a host equally, versions by their weights; one without a share is named, to finish what it has', () => {
  const regions = [
    { app: 'shop', region: 'west', versions: [version('v1', 75), version('v2', 25)] },
    { app: 'shop', region: 'east', versions: [version('v1', 100), version('v2', 0)] },
  ]
  expect(shares(...regions)).toEqual({ 'a.com': 'west/v1:75 west/v2:25 east/v1:100 east/v2:0' })
  expect(planTraffic(regions).shares).toEqual({ shop: { west: { v1: 75, v2: 25 }, east: { v1: 100, v2: 0 } } })
})

it('targets name their version, and a host goes by the affinity of the version that has arrived everywhere', () => {
  const [mode, maxAgeSeconds] = ['monotone' as const, 60]
  const v1 = version('11111111-aaaa', 50)
  const v2 = { ...version('22222222-bbbb', 50), affinity: { mode, maxAgeSeconds } }
  const of = (...versions: readonly (readonly TrafficVersion[])[]) =>
    planTraffic(versions.map((each, i) => ({ app: 'shop', region: `r${i}`, versions: each }))).routes[0]
  expect(of([v1, v2], [v1])?.affinity).toBeUndefined()
  expect(of([v1, v2], [v1, v2])?.affinity).toEqual(v2.affinity)
  expect(of([v1, v2], [v1])?.targets.map((target) => target.version)).toEqual(['11111111', '22222222', '11111111'])
})

it('what a version without the host would have goes to the oldest that has it', () => {
  const versions = [version('v1', 90, ['a.com', 'old.com']), version('v2', 10, ['a.com', 'new.com'])]
  expect(shares({ app: 'shop', region: 'west', versions })).toEqual({
    'a.com': 'west/v1:90 west/v2:10',
    'new.com': 'west/v2:100',
    'old.com': 'west/v1:100',
  })
})
