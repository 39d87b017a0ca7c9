/**
 * Replicas that want to lead and their deployer, over a real nats-server. Leases are short: all
 * times hang on them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../testing/eventually.js'
import type { Lease } from '../component/component.js'
import { isWeaverError } from '../contract/errors.js'
import {
  createMemoryLeases,
  startLeaderController,
  type LeaderController,
  type LeaderControllerOptions,
  type LeaderLeases,
} from '@weaver/deployer'
import { context } from '../context/context.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'
import { Leadership } from './leadership.js'

const COMPONENT = 'shop/Foreman'
// A renewal every third of it must come in time, on a busy machine too.
const LEASE_MS = 6_000
/**
 * Where something is to happen at once: none of it can be the end of a lease, however busy the
 * machine.
 */
const LONG_LEASE_MS = 120_000

let nats: NatsServer
let closing: (() => Promise<void> | void)[]
let logged: string[]
/** What happened, in order: `web-0 leads`, `web-0 ends`. */
let story: string[]
const note = (message: string): void => void logged.push(message)
const log: Logger = { debug: note, info: note, warn: note, error: note, with: () => log }

beforeEach(async () => {
  ;[closing, logged, story] = [[], [], []]
  nats = await startNatsServer()
})
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  await nats.stop()
})

async function connection(replica: string, deploymentId: string): Promise<Transport> {
  const transport = await connectNats({ servers: [nats.url], name: replica, inboxPrefix: `wv.${deploymentId}.i.${replica}`, log })
  closing.push(() => transport.close())
  return transport
}

async function deployer(leases: LeaderLeases, options: Partial<LeaderControllerOptions> = {}): Promise<LeaderController> {
  const deploymentId = options.deploymentId ?? 'shop-1'
  const controller = startLeaderController({
    deploymentId,
    port: await connection('deployer', deploymentId),
    components: [{ name: COMPONENT, leader: 'version' }],
    leases,
    leaseMs: LEASE_MS,
    ...options,
  })
  closing.push(() => controller.close())
  return controller
}

interface Replica {
  readonly leadership: Leadership
  readonly transport: Transport
  /** In the order in which they were given. */
  readonly leases: readonly Lease[]
}

async function replica(
  name: string,
  options: { readonly deploymentId?: string; readonly lead?: (lease: Lease) => Promise<void> } = {},
): Promise<Replica> {
  const { deploymentId = 'shop-1', lead = ended } = options
  const transport = await connection(name, deploymentId)
  const leases: Lease[] = []
  const leadership = new Leadership({
    component: COMPONENT,
    transport,
    deploymentId,
    replica: name,
    log,
    lead: async (lease) => {
      leases.push(lease)
      story.push(`${name} leads`)
      try {
        await lead(lease)
      } finally {
        story.push(`${name} ends`)
      }
    },
  })
  leadership.start()
  closing.push(() => leadership.stop())
  return { leadership, transport, leases }
}

/** A leader that works until it must not any more. */
async function ended({ signal }: Lease): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

const until = (what: string, isSo: () => boolean, withinMs?: number) =>
  eventually(what, isSo, { ...(withinMs === undefined ? {} : { withinMs }), everyMs: 5, soFar: () => ({ story, logged }) })

it('one of three replicas leads, for longer than a lease', async () => {
  await deployer(createMemoryLeases())
  await Promise.all(['web-0', 'web-1', 'web-2'].map((name) => replica(name)))
  await until('somebody leads', () => story.length > 0)
  await sleep(2 * LEASE_MS)
  expect(story).toHaveLength(1)
})

it('when a leader stops another follows at once, with a greater token', async () => {
  await deployer(createMemoryLeases(), { leaseMs: LONG_LEASE_MS })
  const replicas = await Promise.all(['web-0', 'web-1', 'web-2'].map((name) => replica(name)))
  const leads = () => replicas.filter(({ leases }) => leases.some(({ signal }) => !signal.aborted))
  await until('somebody leads', () => leads().length > 0)
  const [first] = leads()
  await first?.leadership.stop()
  await until('another one leads', () => leads().length > 0)
  expect(leads()[0]).not.toBe(first)
  expect(leads()[0]?.leases[0]?.token).toBeGreaterThan(first?.leases[0]?.token ?? Infinity)
  // The lease was given back only when lead() had ended.
  expect(story.map((line) => line.split(' ')[1])).toEqual(['leads', 'ends', 'leads'])
})

it('who comes before its deployer leads when that is there', async () => {
  const { leases } = await replica('web-0')
  await sleep(100)
  expect(leases).toEqual([])
  await deployer(createMemoryLeases())
  await until('it leads', () => leases.length === 1)
})

it('a leader whose deployer is gone stops before its lease is over, and its signal says why', async () => {
  const controller = await deployer(createMemoryLeases())
  const { leases } = await replica('web-0')
  await until('it leads', () => leases.length === 1)
  const closed = performance.now()
  controller.close()
  const signal = leases[0]?.signal
  await until('the signal', () => signal?.aborted === true)
  expect(performance.now() - closed).toBeLessThan(LEASE_MS)
  expect(isWeaverError(signal?.reason) && signal.reason.code).toBe('WEAVER_LEASE_ENDED')
  await sleep(LEASE_MS)
  expect(leases).toHaveLength(1)
})

it('the deployer is replaced within a lease: nobody notices', async () => {
  const leases = createMemoryLeases()
  const before = await deployer(leases)
  const one = await replica('web-0')
  await until('it leads', () => one.leases.length === 1)
  before.close()
  await sleep(LEASE_MS / 4)
  await deployer(leases)
  await sleep(2 * LEASE_MS)
  expect(one.leases.map(({ signal }) => signal.aborted)).toEqual([false])
})

it('a leader that cannot reach the broker stops, another one leads, and the first one, back again, is no leader', async () => {
  await deployer(createMemoryLeases())
  const one = await replica('web-0')
  await until('it leads', () => one.leases.length === 1)
  const two = await replica('web-1')
  await one.transport.close()
  await until('the other leads', () => two.leases.length === 1)
  expect(story).toEqual(['web-0 leads', 'web-0 ends', 'web-1 leads'])
})

it('a store that fails is no answer: the leader goes on until its lease ends', async () => {
  const memory = createMemoryLeases()
  let isDown = false
  const errors: unknown[] = []
  await deployer(
    { ...memory, take: async (...args) => (isDown ? Promise.reject(new Error('no API server')) : memory.take(...args)) },
    { onError: (error) => void errors.push(error) },
  )
  const { leases } = await replica('web-0')
  await until('it leads', () => leases.length === 1)
  isDown = true
  await until('a failure', () => errors.length > 0)
  isDown = false
  await sleep(LEASE_MS)
  expect(leases.map(({ signal }) => signal.aborted)).toEqual([false])
})

it('the leader of all versions is in the active one, and moves when another becomes active: the old one ends first', async () => {
  const leases = createMemoryLeases()
  let active = 'shop-1'
  const options = (deploymentId: string): Partial<LeaderControllerOptions> => ({
    deploymentId,
    components: [{ name: COMPONENT, leader: 'app' }],
    leaseMs: LONG_LEASE_MS,
    isActive: () => active === deploymentId,
    onReleased: () => controllers.forEach((controller) => controller.poll()),
  })
  const controllers = [await deployer(leases, options('shop-1')), await deployer(leases, options('shop-2'))]
  const next = await replica('web-0', { deploymentId: 'shop-2' })
  const now = await replica('web-0', { deploymentId: 'shop-1', lead: async (lease) => (await ended(lease), sleep(100)) })
  await until('the active one leads', () => now.leases.length === 1)
  await sleep(LEASE_MS)
  expect(next.leases).toEqual([])
  active = 'shop-2'
  controllers.forEach((controller) => controller.poll())
  await until('the next one leads', () => next.leases.length === 1)
  expect(story).toEqual(['web-0 leads', 'web-0 ends', 'web-0 leads'])
  expect(next.leases[0]?.token).toBeGreaterThan(now.leases[0]?.token ?? Infinity)
})

it('both versions have a leader where each version has its own', async () => {
  const leases = createMemoryLeases()
  for (const deploymentId of ['shop-1', 'shop-2']) await deployer(leases, { deploymentId })
  const both = await Promise.all(['shop-1', 'shop-2'].map((deploymentId) => replica('web-0', { deploymentId })))
  await until('both lead', () => both.every(({ leases }) => leases.length === 1))
  expect(new Set(both.map(({ leases }) => leases[0]?.token)).size).toBe(2)
})

it('a lead() that fails gives the lease to another one; one that ends by itself keeps it', async () => {
  await deployer(createMemoryLeases())
  const broken = await replica('web-0', { lead: async () => Promise.reject(new Error('no table "orders"')) })
  await until('it leads', () => broken.leases.length === 1)
  const quick = await replica('web-1', { lead: async () => undefined })
  await until('the other leads', () => quick.leases.length === 1)
  await sleep(2 * LEASE_MS)
  expect(quick.leases.map(({ signal }) => signal.aborted)).toEqual([false])
  expect(logged.filter((message) => message.startsWith('lead() failed'))).toHaveLength(broken.leases.length)
})

it('the context of lead() has its signal', async () => {
  await deployer(createMemoryLeases())
  let inside: AbortSignal | undefined
  const { leases } = await replica('web-0', {
    lead: async (lease) => {
      inside = context().signal
      await ended(lease)
    },
  })
  await until('it leads', () => leases.length === 1)
  expect(inside).toBe(leases[0]?.signal)
})

it('bytes that are no question of this component change nothing', async () => {
  await deployer(createMemoryLeases())
  const stranger = await connection('stranger', 'shop-1')
  for (const text of ['', '[]', '{"kind":"ask"}', '{"kind":"ask","component":"other","replica":"x","term":"t","askedAt":1}', 'null'])
    stranger.publish('wv.shop-1.lead.shop/Foreman', Buffer.from(text), 'wv.shop-1.i.stranger.x')
  await stranger.flush()
  const { leases } = await replica('web-0')
  await until('it leads', () => leases.length === 1)
  expect(story).toEqual(['web-0 leads'])
})
