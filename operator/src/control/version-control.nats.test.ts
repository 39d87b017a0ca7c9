/**
 * Who may ask for a lease, and what the operator hears, with the credentials of a version's groups:
 * a real nats-server in operator mode.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryLeases } from '@weaver/deployer'
import type { Logger } from '@weaver/sdk'
import { encodeLeader, inboxPrefix, leaderSubject, type ComponentGraph } from '@weaver/sdk/contract'
import { connectNats } from '@weaver/sdk/internal'
import { eventually, Leadership } from '@weaver/sdk/test-support'
import type { Broker, BrokerVersion, VersionConnection } from '../broker/broker.js'
import { startJwtBroker } from '../broker/jwt-broker.js'
import { createLogger } from '../log/logger.js'
import { startNatsCluster, type NatsCluster } from '../testing/nats-cluster.js'
import { startVersionControl } from './version-control.js'

const V1: BrokerVersion = {
  appUid: 'u',
  versionId: '00000001',
  deploymentId: 'shop-00000001',
  groups: [
    { name: 'web', hosts: ['shop/Web'], calls: ['shop/Foreman'] },
    { name: 'foreman', hosts: ['shop/Foreman'], calls: ['shop/Foreman'] },
  ],
  layout: 2,
}
const LEASE_MS = 4_000
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [{ name: 'shop/Foreman', methods: [], refs: [], listeners: [], leader: 'version' }],
}
let cluster: NatsCluster
let broker: Broker
let folder: string
let logged: string[]
const closing: (() => Promise<unknown>)[] = []
const note = (message: string): void => void logged.push(message)
const log: Logger = { debug: note, info: note, warn: note, error: note, with: () => log }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weaver-control-'))
  cluster = await startNatsCluster(1)
  broker = await startJwtBroker({
    servers: cluster.servers,
    operatorSeed: cluster.auth['operator.seed'],
    systemCreds: cluster.auth['system.creds'],
    log: createLogger({ write: () => undefined }),
  })
})
beforeEach(() => {
  logged = []
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
afterAll(async () => {
  await broker?.close()
  await cluster?.close()
  await rm(folder, { recursive: true, force: true })
})

/** A replica of a group; it wants to lead "shop/Foreman" whether it hosts that or not. */
async function replica(group: string): Promise<{ readonly signals: readonly AbortSignal[] }> {
  const credsFile = join(folder, `${group}.creds`)
  await writeFile(credsFile, await broker.groupCredentials(V1, group))
  const { deploymentId } = V1
  const transport = await connectNats({
    servers: cluster.servers,
    credsFile,
    name: group,
    inboxPrefix: inboxPrefix(deploymentId, group, group),
    log,
  })
  closing.push(() => transport.close())
  const signals: AbortSignal[] = []
  const lead = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
    signals.push(signal)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  const leadership = new Leadership({ component: 'shop/Foreman', lead, transport, deploymentId, replica: group, log })
  leadership.start()
  closing.push(() => leadership.stop())
  return { signals }
}

function control(): void {
  start(broker)
}

function start(on: Broker): void {
  const started = startVersionControl({
    broker: on,
    identity: V1,
    graph: GRAPH,
    leases: createMemoryLeases(),
    isActive: () => true,
    onReleased: () => undefined,
    log: createLogger({ write: () => undefined }),
    leaseMs: LEASE_MS,
  })
  closing.push(() => started.close())
}

it('waits for the account of its version, and gives leases to those who host the component, and to nobody else', async () => {
  control()
  await sleep(200)
  await broker.ensureVersion(V1)
  const stranger = await replica('web')
  const host = await replica('foreman')
  await eventually('the host leads', () => host.signals.length === 1)
  await eventually('the refusal', () => logged.includes('the broker refused something'))
  await sleep(2 * LEASE_MS)
  expect(host.signals.map((signal) => signal.aborted)).toEqual([false])
  expect(stranger.signals).toEqual([])
})

it('goes on over a broker that is away for a moment', async () => {
  control()
  await broker.ensureVersion(V1)
  const host = await replica('foreman')
  await eventually('it leads', () => host.signals.length === 1)
  await cluster.stop(0)
  await sleep(LEASE_MS)
  expect(host.signals[0]?.aborted).toBe(true)
  await cluster.start(0)
  await eventually('it leads again', () => host.signals.length === 2)
  expect(host.signals[1]?.aborted).toBe(false)
})

it('answers every request while a server of the broker leaves: the next connection controls before the old one ends (issue 10, 26)', async () => {
  const pair = await startNatsCluster(2)
  closing.push(() => pair.close())
  const on = async (...servers: string[]): Promise<Broker> => {
    const { 'operator.seed': operatorSeed, 'system.creds': systemCreds } = pair.auth
    const made = await startJwtBroker({ servers, operatorSeed, systemCreds, log: createLogger({ write: () => undefined }) })
    closing.push(() => made.close())
    return made
  }
  const [first = '', second = ''] = pair.servers
  const [own, next] = [await on(first), await on(second)]
  await own.ensureVersion(V1)
  // The control is on the first server, the replica that asks on the second.
  const opened: VersionConnection[] = []
  const connected = (connection: VersionConnection): VersionConnection => {
    opened.push(connection)
    return connection
  }
  let isLeaving = false
  const broker: Broker = { ...own, connectTo: async (identity) => connected(await (isLeaving ? next : own).connectTo(identity)) }
  const { deploymentId } = V1
  const credsFile = join(folder, 'asker.creds')
  await writeFile(credsFile, await own.groupCredentials(V1, 'foreman'))
  const inbox = inboxPrefix(deploymentId, 'foreman', 'asker')
  const asker = await connectNats({ servers: [second], credsFile, name: 'asker', inboxPrefix: inbox, log })
  closing.push(() => asker.close())
  const unanswered = new Set<number>()
  let asked = 0
  asker.subscribe(`${inbox}.lead`, ({ data }) =>
    unanswered.delete((JSON.parse(Buffer.from(data).toString()) as { askedAt: number }).askedAt),
  )
  const ask = (): void => {
    const request = { kind: 'ask', component: 'shop/Foreman', replica: 'asker', term: 't', askedAt: ++asked } as const
    unanswered.add(asked)
    asker.publish(leaderSubject(deploymentId, 'shop/Foreman'), encodeLeader(request), `${inbox}.lead`)
  }

  start(broker)
  await eventually('the control is there', () => opened.length === 1)
  await eventually('it answers', () => {
    ask()
    return unanswered.size < asked
  })
  unanswered.clear() // what was asked before the servers knew of the control
  isLeaving = true
  pair.retire(0)
  const isOver = (): boolean => opened[0]?.isClosed === true
  await eventually('the first connection is closed', () => {
    ask()
    return isOver()
  })
  for (let i = 0; i < 10; i++, await sleep(20)) ask()
  await eventually('every request is answered', () => unanswered.size === 0)
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false])
})
