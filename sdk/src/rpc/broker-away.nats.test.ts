/**
 * Calls while a server of the broker is away: what surely did not run waits for it within its
 * deadline.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startNatsServer, type NatsServer } from '@weaver/testing'
import { CART, failureOf, msOf, startStations, type Stations } from '../testing/rpc-stations.js'
import { withContext } from '../context/context.js'

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

describe('a call that is made while there is no connection', () => {
  async function withoutBroker() {
    let runs = 0
    const work = async (): Promise<string> => `done ${++runs}`
    const replica = await stations.startReplica({ ...CART, work, append: work })
    const caller = await stations.startCaller()
    await stations.nats.stop()
    while (caller.transport.isConnected || replica.transport.isConnected) await sleep(5)
    return { call: caller.call, runs: () => runs }
  }

  it('waits for the broker, longer than a second, and runs once; no budget counts such calls', async () => {
    const { call, runs } = await withoutBroker()
    const calls = Array.from({ length: 200 }, () => call('append', 'x'))
    await sleep(2_000)
    stations.nats = await startNatsServer({ port: stations.nats.port })
    expect((await Promise.all(calls)).length).toBe(200)
    expect(runs()).toBe(200)
  }, 30_000)

  it('fails at its deadline when the broker stays away, and surely did not run', async () => {
    const { call } = await withoutBroker()
    const outcome = withContext({ timeoutMs: 1_500 }, () => call('append', 'x'))
    outcome.catch(() => undefined)
    expect(await msOf(outcome)).toBeGreaterThan(1_200)
    expect(await failureOf(outcome)).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: false })
  })
})

it('a replica that has lost its server of the broker is waited for longer than one that is not there', async () => {
  const [routeA, routeB] = [await freePort(), await freePort()]
  const cluster = (own: number, other: number): string[] =>
    ['--cluster', `nats://127.0.0.1:${own}`, '--cluster_name', 'test', '--routes', `nats://127.0.0.1:${other}`] // prettier-ignore
  const servers: NatsServer[] = [
    await startNatsServer({ args: cluster(routeA, routeB) }),
    await startNatsServer({ args: cluster(routeB, routeA) }),
  ]
  const [mine, theirs] = servers as [NatsServer, NatsServer]
  try {
    const caller = await stations.startCaller({}, { url: mine.url })
    const replica = await stations.startReplica(CART, { url: theirs.url })
    expect(await caller.call('echo', 'x')).toBe('x')
    await theirs.stop()
    await replica.transport.close() // as one that does not find another server for a while
    const outcome = caller.call('append', 'x')
    outcome.catch(() => undefined)
    await sleep(2_000)
    await stations.startReplica({ ...CART, append: async () => 'done' }, { replica: 'cart-1', url: mine.url })
    expect(await outcome).toBe('done')
  } finally {
    for (const server of servers) await server.stop()
  }
}, 30_000)
