import { setTimeout as sleep } from 'node:timers/promises'
import type { LeaderLeases, LeaseName } from '@weaver/deployer'
import { KINDS, type KubeObject } from '@weaver/kube'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createKubeLeases } from './kube-leases.js'

// A real API server. Leases of a second: the shortest that a Lease can hold.

const LEASE_MS = 4_000
const FOREMAN: LeaseName = { component: 'shop/Foreman' }
let server: ApiServer
let app: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string }
let serial = 0

beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
}, 300_000)
beforeEach(() => {
  app = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'default', name: `app-${(serial += 1)}`, uid: `uid-${serial}` }
})
afterAll(async () => {
  await server?.close()
})

/** The leases as one operator sees them. */
const operator = (): LeaderLeases => createKubeLeases({ api: server.api, app, versionOf: (deploymentId) => deploymentId.slice(-2) })
const stored = async (): Promise<readonly KubeObject[]> =>
  (await server.api.list(KINDS.leases, { namespace: 'default', labelSelector: `weaver.dev/app=${app.name}` })).items

it('one of many that ask many operators at once gets the lease', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => operator().take(FOREMAN, `v1/web-${i}/t`, LEASE_MS)))
  const granted = asked.filter((answer) => answer.status === 'fulfilled' && answer.value !== undefined)
  expect(granted).toHaveLength(1)
  // Those that lost the race at the server failed, which is no answer; nobody else was given
  // anything.
  for (const answer of asked) if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ status: 409 })
  expect(await stored()).toHaveLength(1)
})

it('a renewal keeps the token; a release, and the end of a lease, raise it by one', async () => {
  const leases = operator()
  const first = (await leases.take(FOREMAN, 'a', LEASE_MS)) ?? 0
  expect(Math.abs(first - Date.now())).toBeLessThan(60_000)
  expect(await leases.take(FOREMAN, 'a', LEASE_MS)).toBe(first)
  expect(await leases.take(FOREMAN, 'b', LEASE_MS)).toBeUndefined()
  await leases.release(FOREMAN, 'b') // not its own
  expect(await leases.take(FOREMAN, 'b', LEASE_MS)).toBeUndefined()
  await leases.release(FOREMAN, 'a')
  expect(await leases.take(FOREMAN, 'b', LEASE_MS)).toBe(first + 1)
  await sleep(LEASE_MS / 2)
  const renewed = performance.now()
  expect(await leases.take(FOREMAN, 'b', LEASE_MS)).toBe(first + 1)
  let next: number | undefined
  while (next === undefined) {
    await sleep(20)
    next = await leases.take(FOREMAN, 'a', LEASE_MS)
  }
  expect(next).toBe(first + 2)
  expect(performance.now() - renewed).toBeGreaterThanOrEqual(LEASE_MS)
})

it('a new operator renews for who holds the lease, and gives it to nobody else before it has watched it for its whole time', async () => {
  const before = operator()
  const first = (await before.take(FOREMAN, 'a', LEASE_MS)) ?? 0
  await sleep(LEASE_MS + 100) // it is over, but who comes new cannot know when the last renewal was
  const after = operator()
  const began = performance.now()
  expect(await after.take(FOREMAN, 'b', LEASE_MS)).toBeUndefined()
  expect(await after.take(FOREMAN, 'a', LEASE_MS)).toBe(first)
  let token: number | undefined
  while (token === undefined) {
    token = await after.take(FOREMAN, 'b', LEASE_MS)
    await sleep(20)
  }
  expect(performance.now() - began).toBeGreaterThan(LEASE_MS)
  expect(token).toBe(first + 1)
})

it('an operator that slept, and believes that the old leader leads, cannot renew for it', async () => {
  const [slept, awake] = [operator(), operator()]
  const first = (await slept.take(FOREMAN, 'a', LEASE_MS)) ?? 0
  expect(await awake.take(FOREMAN, 'b', LEASE_MS)).toBeUndefined()
  await sleep(LEASE_MS + 50)
  expect(await awake.take(FOREMAN, 'b', LEASE_MS)).toBe(first + 1)
  expect(await slept.take(FOREMAN, 'a', LEASE_MS)).toBeUndefined()
  expect(await awake.take(FOREMAN, 'b', LEASE_MS)).toBe(first + 1)
})

it('who asks in vain costs no call', async () => {
  let calls = 0
  const api = { ...server.api, get: (...args: Parameters<typeof server.api.get>) => ((calls += 1), server.api.get(...args)) }
  // The type of `get` has a parameter that a spread of its arguments loses.
  const leases = createKubeLeases({ api: api as typeof server.api, app, versionOf: (id) => id })
  await leases.take(FOREMAN, 'a', LEASE_MS)
  const before = calls
  for (let i = 0; i < 50; i++) expect(await leases.take(FOREMAN, `b-${i}`, LEASE_MS)).toBeUndefined()
  expect(calls).toBe(before)
})

it('each version has a lease beside that of all; one that is made later has the greater tokens, and so has one that was deleted', async () => {
  const leases = operator()
  const tokens: number[] = []
  for (const name of [{ ...FOREMAN, deploymentId: 'app-v1' }, FOREMAN, { ...FOREMAN, deploymentId: 'app-v2' }]) {
    tokens.push((await leases.take(name, 'a', LEASE_MS)) ?? 0)
    await sleep(1_050) // the server's time of creation has no milliseconds
  }
  const all = await stored()
  expect(all.map(({ metadata }) => metadata.labels?.['weaver.dev/version']).sort()).toEqual(['v1', 'v2', undefined])
  expect(all.every(({ metadata }) => metadata.ownerReferences?.[0]?.uid === app.uid)).toBe(true)
  for (const { metadata } of all) await server.api.delete(KINDS.leases, 'default', metadata.name)
  tokens.push((await operator().take(FOREMAN, 'b', LEASE_MS)) ?? 0)
  for (const [i, token] of tokens.entries()) expect(token).toBeGreaterThan(tokens[i - 1] ?? 0)
})
