/**
 * Routed calls over a real nats-server: an assignment controller, replicas that come, drain and go,
 * and callers.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { component } from '../component/component.js'
import { assign } from '@weaver/deployer'
import { movedPerMille } from '@weaver/deployer/testing'
import { ownerOf } from '../contract/assignment.js'
import { assignmentSubject, parseAssignment } from '../contract/routing.js'
import { shardKey } from '../contract/shard-key.js'
import { eventSubject } from '../contract/subjects.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import { Cache, CACHE_METHODS, FAST_HEARTBEAT_MS, silent, startRoutedStations, type RoutedStations } from '../testing/routed-stations.js'
import { BUILD, DEPLOYMENT, failureOf, PROMPT_MS } from '../testing/rpc-stations.js'
import { Routing } from './routing.js'

let routed: RoutedStations
beforeEach(async () => {
  routed = await startRoutedStations()
})
afterEach(() => routed.close())
const connection = (replica: string) => routed.connection(replica)
const startController = (balance?: 'load') => routed.startController(balance)
const startReplica = (replica: string, seen?: string[]) => routed.startReplica(replica, seen)
const startCaller = (replica?: string) => routed.startCaller(replica)

const KEYS = Array.from({ length: 60 }, (_, i) => `user-${i}`)

describe('calls with a key', () => {
  it('go to the owner of the key, from every caller, for streams as well', async () => {
    await startController()
    for (const replica of ['c-0', 'c-1', 'c-2']) await startReplica(replica)
    const [web, other] = [await startCaller(), await startCaller('web-1')]
    const assignment = await web.knows('c-0', 'c-1', 'c-2')
    await other.knows('c-0', 'c-1', 'c-2')
    const owners = KEYS.map((key) => ownerOf(assignment, shardKey(key)))
    expect(new Set(owners).size).toBe(3)
    for (const caller of [web, other, web]) expect(await Promise.all(KEYS.map((key) => caller.get(key)))).toEqual(owners)
    for (const [i, key] of KEYS.slice(0, 10).entries()) for await (const who of web.list(key)) expect(who).toBe(owners[i])
    // A method without a router uses them all. One call at a time: those of one tick are few
    // messages, which may all miss one replica.
    const answered = new Set<unknown>()
    while (answered.size < 3) answered.add(await web.any('same'))
    expect(answered).toEqual(new Set(['c-0', 'c-1', 'c-2']))
  })

  it('arrive in that order though some go in parts', async () => {
    await startController()
    const seen: string[] = []
    await startReplica('c-0', seen)
    const web = await startCaller()
    await web.knows('c-0')
    const large = 'x'.repeat(3_000_000)
    const keys = ['k:0', `k:1${large}`, 'k:2', `k:3${large}`, 'k:4', 'k:5']
    await Promise.all(keys.map((key) => web.get(key)))
    expect(seen.map((key) => key.slice(0, 3))).toEqual(['k:0', 'k:1', 'k:2', 'k:3', 'k:4', 'k:5'])
  })

  it('arrive in the order in which one caller made them', async () => {
    await startController()
    const seen: string[] = []
    await startReplica('c-0', seen)
    await startReplica('c-1', seen)
    const web = await startCaller()
    await web.knows('c-0', 'c-1')
    await Promise.all(Array.from({ length: 3_000 }, (_, i) => web.get(`${KEYS[i % 60]}:${i}`)))
    expect(seen).toHaveLength(3_000)
    for (const key of KEYS) {
      const numbers = seen.filter((found) => found.startsWith(`${key}:`)).map((found) => Number(found.split(':')[1]))
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y))
    }
  })

  it('work without a deployer that knows of routing', async () => {
    await startReplica('c-0')
    const web = await startCaller()
    expect(await Promise.all(KEYS.map((key) => web.get(key)))).toEqual(KEYS.map(() => 'c-0'))
    // One that comes late is told what a late caller missed.
    await startController()
    await web.knows('c-0')
  })

  it('are not sent when the router throws or returns what is no key', async () => {
    const seen: string[] = []
    await startReplica('c-0', seen)
    const transport = await connection('web-9')
    const rpc = { transport, deploymentId: DEPLOYMENT, replica: 'web-9', fingerprint: BUILD, log: silent }
    for (const [router, error] of [
      [
        () => {
          throw new RangeError('no key')
        },
        { name: 'RangeError' },
      ],
      [() => null as never, { code: 'WEAVER_ROUTING_KEY' }],
    ] as const) {
      // prettier-ignore
      const route = new Routing(rpc).routeTo(component<Cache>('shop/Cache', { router: { get: router } }))
      const calls = new RpcClient(rpc).invoker({ component: Cache.name, methods: CACHE_METHODS, notRetriable: new Set(), timeoutMs: {}, route }, 'shop/Web') // prettier-ignore
      expect(await failureOf(calls.call(0, ['x']))).toMatchObject(error)
    }
    expect(seen).toEqual([])
  })
})

describe('when replicas come and go', () => {
  it('a newcomer gets its share and nothing else moves', async () => {
    const { history } = await startController()
    for (const replica of ['c-0', 'c-1', 'c-2']) await startReplica(replica)
    const web = await startCaller()
    const before = await web.knows('c-0', 'c-1', 'c-2')
    await startReplica('c-3')
    const after = await web.knows('c-0', 'c-1', 'c-2', 'c-3')
    expect(movedPerMille(before, after)).toBe(250)
    expect(after.epoch).toBeGreaterThan(before.epoch)
    for (const [from, to] of history.slice(1).map((assignment, i) => [history[i], assignment])) expect(to?.epoch).toBeGreaterThan(from?.epoch ?? 0) // prettier-ignore
  })

  it('no call fails while one drains, though its methods must not run twice', async () => {
    await startController()
    await startReplica('c-0')
    const leaver = await startReplica('c-1')
    const web = await startCaller()
    await web.knows('c-0', 'c-1')
    const calls: Promise<string>[] = []
    const stopped = sleep(30).then(() => leaver.stop())
    for (let i = 0; i < 60; i++) {
      for (const key of KEYS) calls.push(web.get(key))
      await sleep(2)
    }
    await stopped
    await web.knows('c-0')
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['c-0', 'c-1']))
    expect(new Set(await Promise.all(KEYS.map((key) => web.get(key))))).toEqual(new Set(['c-0']))
  })

  it('one that dies is passed over at once, and out of the assignment after three missed heartbeats', async () => {
    await startController()
    await startReplica('c-0')
    const victim = await startReplica('c-1')
    const web = await startCaller()
    await web.knows('c-0', 'c-1')
    const start = performance.now()
    await victim.transport.close() // without a word
    expect(new Set(await Promise.all(KEYS.map((key) => web.get(key))))).toEqual(new Set(['c-0']))
    await web.knows('c-0')
    const took = performance.now() - start
    expect(took).toBeGreaterThan(2 * FAST_HEARTBEAT_MS)
    expect(took).toBeLessThan(PROMPT_MS)
  })

  it('one process that takes the place of another keeps its keys, and the late word of the old one is not believed', async () => {
    await startController()
    await startReplica('c-0')
    const old = await startReplica('c-1')
    const web = await startCaller()
    const before = await web.knows('c-0', 'c-1')
    await startReplica('c-1')
    await sleep(50)
    await old.stop()
    await sleep(4 * FAST_HEARTBEAT_MS)
    expect(await web.knows('c-0', 'c-1')).toEqual(before)
  })

  it('all gone, calls fail as those of any other component do, and the next replica gets everything', async () => {
    await startController()
    const only = await startReplica('c-0')
    const web = await startCaller()
    await web.knows('c-0')
    await only.stop()
    expect(await failureOf(web.get('ann'))).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
    await startReplica('c-7')
    await web.knows('c-7')
    expect(await web.get('ann')).toBe('c-7')
  })
})

describe('a controller', () => {
  it('that starts again moves no key, and goes on with a higher epoch', async () => {
    const first = await startController()
    for (const replica of ['c-0', 'c-1', 'c-2']) await startReplica(replica)
    const web = await startCaller()
    await startReplica('c-3')
    const before = await web.knows('c-0', 'c-1', 'c-2', 'c-3')
    first.controller.close()
    const second = await startController()
    await sleep(300)
    expect(second.controller.assignments.get(Cache.name)).toEqual(before)
    expect(second.history).toEqual([])
    await startReplica('c-4')
    const after = await web.knows('c-0', 'c-1', 'c-2', 'c-3', 'c-4')
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect(movedPerMille(before, after)).toBeLessThan(210)
  })

  it('that finds only an assignment believes it, until its replicas were silent for too long', async () => {
    const raw = await connection('fake')
    const known = assign(Cache.name, undefined, { replicas: ['c-0', 'c-9'], epoch: Date.now() })
    await startReplica('c-0')
    const web = await startCaller()
    raw.publish(assignmentSubject(DEPLOYMENT, Cache.name), Buffer.from(JSON.stringify(known)))
    await web.knows('c-0', 'c-9')
    const { history } = await startController()
    await sleep(200)
    expect(history).toEqual([])
    await web.knows('c-0')
  })

  it('makes one epoch of many changes that come together', async () => {
    const { history } = await startController()
    await sleep(150)
    await Promise.all(Array.from({ length: 8 }, (_, i) => startReplica(`c-${i}`)))
    await sleep(150)
    expect(history.length).toBeLessThanOrEqual(4)
    expect(history.at(-1)?.replicas).toHaveLength(8)
  })

  it('moves slices from the replica that is called most, when it is to look at the load', async () => {
    const { history } = await startController('load')
    await startReplica('c-0')
    await startReplica('c-1')
    const web = await startCaller()
    const before = await web.knows('c-0', 'c-1')
    const ofFirst = KEYS.filter((key) => ownerOf(before, shardKey(key)) === 'c-0')
    const share = async (): Promise<number> => {
      const who = await Promise.all(ofFirst.flatMap((key) => Array.from({ length: 10 }, () => web.get(key))))
      return who.filter((replica) => replica === 'c-0').length / who.length
    }
    expect(await share()).toBe(1)
    let now = 1
    for (const until = Date.now() + 60_000; Date.now() < until && now > 0.65; await sleep(20)) now = await share()
    expect(now).toBeLessThanOrEqual(0.65)
    expect(history.length).toBeGreaterThan(1)
  })

  it('and a caller are not confused by what else is published to them', async () => {
    const { controller } = await startController()
    await startReplica('c-0')
    const web = await startCaller()
    const known = await web.knows('c-0')
    const raw = await connect({ servers: routed.stations.nats.url })
    routed.stations.onClose(() => raw.close())
    const junk = ['', '{', 'null', '7', '{"kind":"join"}', '{"kind":"load","component":"shop/Cache","slices":64,"calls":[[1,"x"]]}', '{"kind":"drain","replica":"c-0","incarnation":"old","components":[]}', JSON.stringify({ ...known, epoch: known.epoch + 9, owners: [0, 0, 0] }), JSON.stringify({ ...known, epoch: known.epoch + 9, owners: [7] }), JSON.stringify({ ...known, epoch: known.epoch - 9, replicas: ['evil'], owners: [0] })] // prettier-ignore
    for (const text of junk) {
      raw.publish(eventSubject(DEPLOYMENT), text)
      raw.publish(assignmentSubject(DEPLOYMENT, Cache.name), text)
    }
    await raw.flush()
    await sleep(100)
    expect(web.routing.status.assignments).toEqual([known])
    expect(controller.assignments.get(Cache.name)).toEqual(known)
    expect(parseAssignment(Buffer.from(JSON.stringify(known)))).toEqual(known)
    expect(await web.get('ann')).toBe('c-0')
  })
})
