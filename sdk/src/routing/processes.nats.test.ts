/**
 * Real processes: replicas of a routed component that a deployer starts, ends and kills, over a
 * real nats-server. The caller is this process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { MethodBinding } from '../component/binding.js'
import { component } from '../component/component.js'
import { startAssignmentController, type AssignmentController } from '@weaver/deployer'
import { ownerOf } from '../contract/assignment.js'
import { shardKey } from '../contract/shard-key.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import { RpcClient } from '../rpc/client/rpc-client.js'
import type { Logger } from '../telemetry/logger.js'
import { BUILD, DEPLOYMENT, failureOf, PROMPT_MS, startStations, type Stations } from '../testing/rpc-stations.js'
import { Routing } from './routing.js'

const SDK = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = fileURLToPath(new URL('testdata/cache.mjs', import.meta.url))
const KEYS = Array.from({ length: 60 }, (_, i) => `user-${i}`)
const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => log }

interface Cache {
  get(key: string): Promise<string>
}
const Cache = component<Cache>('shop/Cache', { router: { get: (key) => key } })
const METHODS: readonly MethodBinding[] = [
  {
    name: 'get',
    encodeArgs: (w, [key]) => w.string(key as string), // as in testdata/cache.mjs
    decodeArgs: (r) => [r.string()],
    encodeResult: (w, who) => w.string(who as string),
    decodeResult: (r) => r.string(),
  },
  {
    name: 'ticks',
    encodeArgs: (w, [count]) => w.number(count as number),
    decodeArgs: (r) => [r.number()],
    encodeResult: (w, item) => w.number(item as number),
    decodeResult: (r) => r.number(),
    isStream: true,
  },
]

let stations: Stations
let controller: AssignmentController
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
  controller = startAssignmentController({ deploymentId: DEPLOYMENT, port: await connection('deployer'), startMs: 100 })
})
afterEach(async () => {
  controller.close()
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await stations.close()
})

async function connection(replica: string) {
  const transport = await connectNats({ servers: [stations.nats.url], name: replica, inboxPrefix: `wv.${DEPLOYMENT}.i.${replica}`, log })
  stations.onClose(() => transport.close())
  return transport
}

function launch(replica: string, shutdownGraceMs: number = 10_000): ChildProcess {
  const bootstrap = { version: 1, app: 'shop', deploymentId: DEPLOYMENT, versionId: 'v1', group: 'cache', replica, components: ['shop/Cache'], listeners: {}, nats: { servers: [stations.nats.url] }, config: {}, shutdownGraceMs } // prettier-ignore
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'] ?? '', WEAVER_BOOTSTRAP: JSON.stringify(bootstrap), WEAVER_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  children.push(child)
  return child
}

async function startCaller({ notRetriable = [], ...options }: { readonly frozenMs?: number; readonly notRetriable?: string[] } = {}) {
  const transport = await connection('web-0')
  const rpc = { transport, deploymentId: DEPLOYMENT, replica: 'web-0', fingerprint: BUILD, log }
  const routing = new Routing(rpc)
  stations.onClose(async () => routing.leave())
  const calls = new RpcClient({ ...rpc, ...options }).invoker(
    { component: Cache.name, methods: METHODS, notRetriable: new Set(notRetriable), timeoutMs: {}, route: routing.routeTo(Cache) },
    'shop/Web',
  )
  return {
    ask: (key: string) => calls.call(0, [key]),
    askAll: () => Promise.all(KEYS.map((key) => calls.call(0, [key]))),
    ticks: (count: number) => calls.stream(1, [count]),
    async knows(...replicas: readonly string[]) {
      for (;;) {
        const [known] = routing.status.assignments
        if (known?.replicas.join() === replicas.join()) return known
        await sleep(20)
      }
    },
  }
}

it('keys stay with their process, move when one is killed or told to stop, and no call fails', async () => {
  const web = await startCaller()
  const [killed, stopped] = [launch('c-0'), launch('c-1')]
  launch('c-2')
  const known = await web.knows('c-0', 'c-1', 'c-2')
  const owners = KEYS.map((key) => ownerOf(known, shardKey(key)))
  expect(new Set(owners).size).toBe(3)
  expect(await web.askAll()).toEqual(owners)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const without = await web.askAll()
  for (const [i, who] of without.entries()) expect(who === owners[i] || owners[i] === 'c-0').toBe(true)
  const gone = once(stopped, 'exit') as Promise<[number | null]>
  stopped.kill('SIGTERM')
  for (let i = 0; i < 20; i++) {
    for (const who of await web.askAll()) expect(['c-1', 'c-2']).toContain(who)
    await sleep(10)
  }
  expect((await gone)[0]).toBe(0)
  expect(new Set(await web.askAll())).toEqual(new Set(['c-2']))
})

it('a frozen owner is passed over by new calls, and loses those that it has', async () => {
  const web = await startCaller({ frozenMs: 3_000, notRetriable: ['get'] })
  const frozen = launch('c-0')
  launch('c-1')
  const known = await web.knows('c-0', 'c-1')
  const key = KEYS.find((each) => ownerOf(known, shardKey(each)) === 'c-0') as string // of 60 keys each has some
  frozen.kill('SIGSTOP')
  const lost = failureOf(web.ask(key))
  // A call that is passed on may still fall to the frozen one: the broker does not know. So there
  // are some.
  const answered: unknown[] = []
  const others: Promise<unknown>[] = []
  while (answered.length === 0) {
    others.push(web.ask(key).then((who) => answered.push(who), () => undefined)) // prettier-ignore
    await sleep(200)
  }
  expect(new Set(answered)).toEqual(new Set(['c-1']))
  expect(await lost).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true, message: expect.stringContaining('has said nothing for') as string }) // prettier-ignore
  frozen.kill('SIGCONT')
  await Promise.all(others)
})

it('a stream in flight at SIGTERM comes to its end, and the process then ends with 0', async () => {
  const web = await startCaller()
  const child = launch('c-0')
  await web.knows('c-0')
  const exited = once(child, 'exit') as Promise<[number | null]>
  const items: unknown[] = []
  for await (const item of web.ticks(50)) {
    if (items.push(item) === 10) child.kill('SIGTERM')
  }
  expect(items).toEqual(Array.from({ length: 50 }, (_, i) => i))
  expect((await exited)[0]).toBe(0)
})

it('a stream that does not end is cut off in time for the process to end with 1 for it, and one whose process is killed fails within a second', async () => {
  const web = await startCaller()
  const child = launch('c-0', 2_000)
  await web.knows('c-0')
  const exited = once(child, 'exit') as Promise<[number | null]>
  const endless = web.ticks(1e9)[Symbol.asyncIterator]()
  await endless.next()
  const start = performance.now()
  child.kill('SIGTERM')
  const cut = await failureOf(drained(endless))
  expect(cut).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', message: 'shop/Cache.ticks is cut off: the replica that served it stops' })
  expect((await exited)[0]).toBe(1) // not the 0 of a stop that cut nothing, nor a kill
  expect(performance.now() - start).toBeLessThan(PROMPT_MS)

  const victim = launch('c-1')
  await web.knows('c-1')
  const items = web.ticks(1e9)[Symbol.asyncIterator]()
  await items.next()
  const killedAt = performance.now()
  victim.kill('SIGKILL')
  expect(await failureOf(drained(items))).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
  expect(performance.now() - killedAt).toBeLessThan(PROMPT_MS)
})

async function drained(items: AsyncIterator<unknown>): Promise<void> {
  while ((await items.next()).done !== true);
}
