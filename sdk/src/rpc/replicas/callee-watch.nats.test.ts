/**
 * Real processes over a real nats-server, killed, frozen and kept busy with calls in hand. The
 * caller is this process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startNatsServer } from '@weaver/testing'
import { failureOf, gate, msOf, PROMPT_MS, startStations, type Call, type Stations } from '../../testing/rpc-stations.js'
import { feedStations } from '../../testing/stream-stations.js'
import type { RemoteCallError } from '../../errors/remote-call-error.js'

const SDK = fileURLToPath(new URL('../../..', import.meta.url))
const PROGRAM = fileURLToPath(new URL('testdata/cart.mjs', import.meta.url))

let stations: Stations
let children: ChildProcess[]
beforeAll(async () => {
  // Incremental: nothing to do where the build is up to date, and never a stale one.
  const build = spawn(process.execPath, [join(SDK, '../node_modules/typescript/bin/tsc'), '-b', SDK], { stdio: 'inherit' })
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error('the SDK does not build')
}, 900_000)
beforeEach(async () => {
  stations = await startStations()
  children = []
})
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await stations.close()
})

async function launch(replica: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, stations.nats.url, replica], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/**
 * Calls that are made within a few milliseconds, not all in one tick, which may all go to one
 * replica; and what becomes of each.
 */
function callMany(call: Call, count: number, method: string, ms: number) {
  const outcomes: (string | RemoteCallError)[] = []
  const all = Array.from({ length: count }, async (_, i) => {
    await sleep(i >> 2)
    await call(method, String(ms)).then(
      (who) => outcomes.push(who as string), // METHODS give strings
      (error: RemoteCallError) => outcomes.push(error),
    )
  })
  return { outcomes, all: Promise.all(all) }
}

describe('when a replica is killed', () => {
  it('its calls of a method that must not run twice fail within a second, and those of others go on', async () => {
    const victim = await launch('cart-0')
    await launch('cart-1')
    const { call } = await stations.startCaller()
    // A slow answer from each first: then calls go one by one, and both replicas get some.
    await callMany(call, 32, 'work', 10).all
    const { outcomes, all } = callMany(call, 40, 'append', 5_000)
    await sleep(600)
    expect(outcomes).toEqual([])
    victim.kill('SIGKILL')
    await all
    // The lost ones come first: those of the other take their time.
    const lost = outcomes.findIndex((outcome) => outcome === 'cart-1')
    expect(lost).toBeGreaterThan(0)
    for (const outcome of outcomes.slice(0, lost)) expect(outcome).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
    expect(outcomes.slice(lost)).toEqual(Array.from({ length: 40 - lost }, () => 'cart-1'))
  })

  it('calls that it had only just got are found, too, and sent again where they may run twice', async () => {
    const victim = await launch('cart-0')
    await launch('cart-1')
    const { call } = await stations.startCaller()
    await callMany(call, 32, 'work', 10).all
    const { outcomes, all } = callMany(call, 100, 'work', 1_000)
    await sleep(20)
    victim.kill('SIGKILL')
    expect(await msOf(all)).toBeLessThan(PROMPT_MS)
    expect(outcomes).toEqual(Array.from({ length: 100 }, () => 'cart-1'))
  })

  it('and was the only one, its calls fail within a second', async () => {
    const victim = await launch('cart-0')
    const { call } = await stations.startCaller()
    const { outcomes, all } = callMany(call, 20, 'append', 25_000)
    await sleep(50)
    victim.kill('SIGKILL')
    expect(await msOf(all)).toBeLessThan(PROMPT_MS)
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
  })
})

it('a stream that is being opened fails as a call does when its replica is killed before it accepts', async () => {
  const victim = await launch('cart-0')
  const { call } = await stations.startCaller({}, { replica: 'web-1' })
  const { feed } = await feedStations(stations).caller()
  expect(await all(feed.count(2))).toEqual([0, 1])
  const busy = failureOf(call('join', '20000'))
  await sleep(50)
  const opening = failureOf(all(feed.count(1)))
  await sleep(100)
  victim.kill('SIGKILL')
  expect(await msOf(opening)).toBeLessThan(5_000) // the deadline is 30 s
  expect(await opening).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
  expect(await busy).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: true })
})

describe('a replica that is silent', () => {
  it('because it is frozen is waited for until the deadline: it cannot be told from a slow one', async () => {
    const frozen = await launch('cart-0')
    const { call } = await stations.startCaller({ append: 1_500 })
    await call('work', '1')
    frozen.kill('SIGSTOP')
    const failing = failureOf(call('append', '1'))
    expect(await msOf(failing)).toBeGreaterThan(1_400)
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    frozen.kill('SIGCONT')
  })

  it('because it is busy answers what it has, when it has time', async () => {
    await launch('cart-0')
    const { call } = await stations.startCaller()
    await call('work', '1')
    const busy = call('join', '1500')
    await sleep(20)
    expect(await Promise.all([busy, call('append', '1'), call('append', '400')])).toEqual(['cart-0', 'cart-0', 'cart-0'])
  })

  it('because it is busy since before the caller came is waited for, too', async () => {
    await launch('cart-0')
    const first = await stations.startCaller()
    await first.call('work', '1')
    const busy = first.call('join', '2500')
    await sleep(50)
    const cold = await stations.startCaller({}, { replica: 'web-1' })
    expect(await cold.call('append', '1')).toBe('cart-0')
    expect(await busy).toBe('cart-0')
  })

  it('because it is busy, one of two, is named by the other to a caller that has just come', async () => {
    await launch('cart-0')
    const first = await stations.startCaller()
    await first.call('work', '1')
    await launch('cart-1')
    // Who has answered since has heard of the other.
    const answered = new Set<unknown>()
    while (answered.size < 2) answered.add(await first.call('work', '1'))
    // One of them is kept busy; which one, is the broker's choice.
    const busy = first.call('join', '2500')
    await sleep(50)
    const cold = await stations.startCaller({}, { replica: 'web-1' })
    // A caller sends calls alone where the method is slow: both replicas get some.
    const { outcomes, all } = callMany(cold.call, 64, 'append', 400)
    await all
    expect(new Set(outcomes)).toEqual(new Set(['cart-0', 'cart-1']))
    expect(outcomes).toHaveLength(64)
    await busy
  })

  it('because it drains still finishes what it has', async () => {
    const running = gate()
    const append = async (): Promise<string> => {
      running.open()
      await sleep(1_500)
      return 'finished'
    }
    const { server, transport } = await stations.startReplica({ append })
    const { call } = await stations.startCaller()
    const answer = call('append')
    await running.opened
    await server.drain()
    await transport.close()
    expect(await answer).toBe('finished')
  })
})

it('a call is not given up because its replica came while the caller had no connection', async () => {
  const { call, transport } = await stations.startCaller()
  await stations.nats.stop()
  while (transport.isConnected) await sleep(5)
  stations.nats = await startNatsServer({ port: stations.nats.port })
  await launch('cart-0')
  while (!transport.isConnected) await sleep(5)
  expect(await call('append', '1200')).toBe('cart-0')
})
