import { KINDS, type KubeApi, type KubeClient, type KubeObject } from '@weaver/kube'
import { startFaultProxy, type FaultProxy } from '@weaver/kube/testing'
import { createLogger } from '../log/logger.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createOperatorClient } from './operator-client.js'
import { startLeaderLease, type LeaderLease, type LeaderLeaseOptions } from './leader-lease.js'

// Leases of a second or two instead of fifteen; everything else as in production. Where a test says
// "at once", or that nothing is lost, the lease is so long that a busy machine cannot be mistaken
// for a lease that ran out.

const DURATION_MS = 2_000
const TIMES = { durationMs: DURATION_MS, renewDeadlineMs: 1_200, retryMs: 100 }
const LONG = { durationMs: 120_000, renewDeadlineMs: 80_000 }
/** For what must happen, whenever this machine comes to it. */
const AMPLE_MS = 40_000
let server: ApiServer
const proxies: FaultProxy[] = []
const clients: KubeClient[] = []
const open: LeaderLease[] = []
let name = ''
let serial = 0

beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
}, 300_000)
beforeEach(() => {
  name = `lease-${serial++}`
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((lease) => lease.close()))
  for (const client of clients.splice(0)) await client.close()
  for (const proxy of proxies.splice(0)) await proxy.close()
})
afterAll(async () => {
  await server?.close()
})

const SILENT = createLogger({ write: () => undefined })
interface Candidate {
  readonly lease: LeaderLease
  /** When it began and stopped to lead, by `performance.now()`. */
  readonly spans: { readonly from: number; to: number | undefined }[]
  readonly proxy: FaultProxy
}
/** A candidate behind a proxy of its own. */
async function candidate(identity: string, options: Partial<LeaderLeaseOptions> = {}): Promise<Candidate> {
  const proxy = await startFaultProxy(server)
  const client = createOperatorClient({ config: proxy.config })
  proxies.push(proxy)
  clients.push(client)
  const spans: { from: number; to: number | undefined }[] = []
  const lease = startLeaderLease({
    api: client,
    namespace: 'default',
    name,
    identity,
    log: SILENT,
    onLost: () => {
      const last = spans.at(-1)
      if (last !== undefined) last.to = performance.now()
    },
    ...TIMES,
    ...options,
  })
  void lease.acquired.then(() => spans.push({ from: performance.now(), to: undefined }))
  open.push(lease)
  return { lease, spans, proxy }
}
interface Held extends KubeObject {
  readonly spec: { readonly holderIdentity?: string; readonly leaseTransitions?: number; readonly renewTime?: string }
}
const stored = async () => (await server.api.get<Held>(KINDS.leases, 'default', name))?.spec
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
async function within(ms: number, what: string, probe: () => boolean): Promise<number> {
  const started = performance.now()
  while (!probe()) {
    if (performance.now() - started > ms) throw new Error(`${what} did not happen within ${ms} ms`)
    await sleep(5)
  }
  return performance.now() - started
}
const foreign = (spec: Record<string, unknown>) =>
  server.api.create(KINDS.leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'default' }, spec })

describe('leader lease', () => {
  it('is held by exactly one of many that start at once, and kept', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((id) => candidate(id, { renewDeadlineMs: 80_000, durationMs: 90_000 })))
    await within(AMPLE_MS, 'a leader', () => all.some((c) => c.lease.isLeader))
    await sleep(1_000) // ten turns of each
    const leaders = all.filter((c) => c.lease.isLeader)
    expect(leaders).toHaveLength(1)
    expect(all.flatMap((c) => c.spans)).toHaveLength(1)
    expect(await stored()).toMatchObject({ leaseTransitions: 0 })
  })

  it('goes to the other at once when it is given up', async () => {
    const a = await candidate('a', LONG)
    await a.lease.acquired
    const b = await candidate('b', LONG)
    await sleep(300)
    expect(b.lease.isLeader).toBe(false)
    await a.lease.close()
    await within(AMPLE_MS, 'the handover', () => b.lease.isLeader) // a third of what is left of the lease
    expect(await stored()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('goes to the other when the holder is gone without a word, not before its time is over', async () => {
    await foreign({
      holderIdentity: 'dead',
      leaseDurationSeconds: 2,
      renewTime: '2020-01-01T00:00:00.000000Z',
      acquireTime: '2020-01-01T00:00:00.000000Z',
    })
    const b = await candidate('b')
    const waited = await within(AMPLE_MS, 'the takeover', () => b.lease.isLeader)
    // The old date is of another's clock and says nothing.
    expect(waited).toBeGreaterThanOrEqual(DURATION_MS - 100)
    expect(await stored()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it("does not wait for a dead holder's clock that runs an hour ahead", async () => {
    const ahead = new Date(Date.now() + 3_600_000).toISOString().replace('Z', '000Z')
    await foreign({ holderIdentity: 'dead', leaseDurationSeconds: 1, renewTime: ahead, acquireTime: ahead })
    const b = await candidate('b')
    await within(AMPLE_MS, 'the takeover', () => b.lease.isLeader)
    expect(await stored()).toMatchObject({ holderIdentity: 'b' })
  })

  it("is not taken from a living holder whose clock is an hour behind, nor lost by a jump of one's own", async () => {
    const real = Date.now
    let skewMs = -3_600_000
    try {
      Date.now = () => real() + skewMs
      const a = await candidate('a', LONG)
      await a.lease.acquired
      const b = await candidate('b', LONG)
      for (skewMs of [-3_600_000, 3_600_000, 0, 7_200_000]) await sleep(700)
      expect([a.lease.isLeader, b.lease.isLeader]).toEqual([true, false])
      expect(a.spans).toEqual([{ from: expect.any(Number), to: undefined }])
    } finally {
      Date.now = real
    }
  })

  for (const fault of ['hang', 'cut', 'stall'] as const)
    it(`the holder stops before another can start when its calls ${fault}`, async () => {
      const a = await candidate('a')
      await a.lease.acquired
      const b = await candidate('b')
      await sleep(300)
      a.proxy.fault = () => fault
      await within(AMPLE_MS, 'the takeover', () => b.lease.isLeader)
      const [ofA, ofB] = [a.spans[0], b.spans[0]]
      expect(a.lease.isLeader).toBe(false)
      expect((ofB?.from ?? 0) - (ofA?.to ?? Infinity)).toBeGreaterThan(300)
    })

  it('the holder stops in time when renewals succeed but their answers come late', async () => {
    const a = await candidate('a')
    await a.lease.acquired
    const b = await candidate('b')
    await sleep(200)
    // What is written gets through at once; answers take almost as long as they may. Then nothing
    // gets through.
    a.proxy.fault = () => ({ answerAfterMs: 450 })
    const before = a.proxy.requests.filter((r) => r.startsWith('PATCH')).length
    await within(AMPLE_MS, 'a late renewal', () => a.proxy.requests.filter((r) => r.startsWith('PATCH')).length > before)
    await sleep(440)
    a.proxy.fault = () => 'hang'
    await within(AMPLE_MS, 'the takeover', () => b.lease.isLeader)
    expect((b.spans[0]?.from ?? 0) - (a.spans[0]?.to ?? Infinity)).toBeGreaterThan(600)
  })

  it('an outage shorter than the deadline changes nothing', async () => {
    const times = { durationMs: 30_000, renewDeadlineMs: 25_000 }
    const a = await candidate('a', times)
    await a.lease.acquired
    const b = await candidate('b', times)
    a.proxy.fault = () => ({ status: 503, body: '{}' })
    await sleep(700)
    a.proxy.fault = () => undefined
    await sleep(DURATION_MS)
    expect([a.lease.isLeader, b.lease.isLeader]).toEqual([true, false])
  })

  it('is lost at once when it is seen to be another’s, and that one keeps it', async () => {
    const a = await candidate('a', LONG) // its deadline is later than this test gives it
    await a.lease.acquired
    await server.api.patch(KINDS.leases, 'default', name, { spec: { holderIdentity: 'b', renewTime: '2026-01-01T00:00:00.000000Z' } })
    await within(AMPLE_MS, 'the loss', () => a.spans[0]?.to !== undefined)
    await a.lease.close()
    expect(await stored()).toMatchObject({ holderIdentity: 'b' })
  })

  it('is not taken away from the next holder by the close of one that does not know yet', async () => {
    const a = await candidate('a', { retryMs: 60_000 })
    await a.lease.acquired
    await server.api.patch(KINDS.leases, 'default', name, { spec: { holderIdentity: 'b' } })
    await a.lease.close()
    expect(await stored()).toMatchObject({ holderIdentity: 'b' })
  })

  it('is given up also when closed while it is just being taken', async () => {
    let closing: Promise<void> | undefined
    const real = server.api
    const api: KubeApi = {
      ...real,
      async create(kind, object, options) {
        const made = await real.create(kind, object) // arrives, whatever the caller wants by now
        closing = lease.close()
        options?.signal?.throwIfAborted()
        return made as never // of the kind asked for
      },
    }
    const lease = startLeaderLease({ api, namespace: 'default', name, identity: 'a', log: SILENT, onLost: () => undefined, ...TIMES })
    await within(AMPLE_MS, 'the close', () => closing !== undefined)
    await closing
    expect(lease.isLeader).toBe(false)
    expect((await stored())?.holderIdentity ?? '').toBe('')
    const b = await candidate('b')
    await within(AMPLE_MS, 'the next leader', () => b.lease.isLeader)
  })

  it('a restart under the same name leads again at once', async () => {
    await foreign({ holderIdentity: 'operator-0', leaseDurationSeconds: 600, renewTime: '2026-01-01T00:00:00.000000Z' })
    const again = await candidate('operator-0')
    await within(AMPLE_MS, 'the lead', () => again.lease.isLeader)
    expect(await stored()).toMatchObject({ holderIdentity: 'operator-0' })
  })

  it('a lease that somebody deleted is made again by the holder', async () => {
    const a = await candidate('a', LONG)
    await a.lease.acquired
    await server.api.delete(KINDS.leases, 'default', name)
    for (const limit = Date.now() + AMPLE_MS; (await stored()) === undefined && Date.now() < limit;) await sleep(20)
    expect(await stored()).toMatchObject({ holderIdentity: 'a' })
    expect(a.lease.isLeader).toBe(true)
  })
})
