import { createMemoryLeases } from './leader-leases.js'

const FOREMAN = { component: 'shop/Foreman' }

it('one holder at a time; renewed, it keeps its token; free again by its end or by its release, with a greater one', async () => {
  let now = 0
  const leases = createMemoryLeases(() => now)
  const first = await leases.take(FOREMAN, 'a', 1_000)
  expect(first).toBeGreaterThan(Date.now() - 60_000)
  now = 900
  expect(await leases.take(FOREMAN, 'b', 1_000)).toBeUndefined()
  expect(await leases.take(FOREMAN, 'a', 1_000)).toBe(first)
  now = 1_899
  expect(await leases.take(FOREMAN, 'b', 1_000)).toBeUndefined()
  now = 1_900
  const second = await leases.take(FOREMAN, 'b', 1_000)
  expect(second).toBeGreaterThan(first ?? Infinity)
  await leases.release(FOREMAN, 'a') // it has none any more
  expect(await leases.take(FOREMAN, 'a', 1_000)).toBeUndefined()
  await leases.release(FOREMAN, 'b')
  expect(await leases.take(FOREMAN, 'a', 1_000)).toBeGreaterThan(second ?? Infinity)
})

it('each version has its own lease beside that of all versions, and tokens grow over all of them', async () => {
  const leases = createMemoryLeases(() => 0)
  const names = [FOREMAN, { ...FOREMAN, deploymentId: 'v1' }, { ...FOREMAN, deploymentId: 'v2' }]
  const tokens = []
  for (const name of names) tokens.push(await leases.take(name, 'a', 1_000))
  expect(new Set(tokens).size).toBe(3)
  expect(tokens).toEqual([...tokens].sort((a, b) => (a ?? 0) - (b ?? 0)))
})
