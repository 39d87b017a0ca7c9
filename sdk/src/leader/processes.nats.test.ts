/**
 * Real processes: replicas that want to lead are killed, frozen and thawed, over a real
 * nats-server. The deployer is this process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { component, implement } from '../component/component.js'
import { createMemoryLeases, startLeaderController } from '@weaver/deployer'
import { connectNats } from '../rpc/transport/connect-nats.js'
import type { Logger } from '../telemetry/logger.js'
import { bindByHand, genByHand } from '../testing/hand-made-app.js'
import { startNatsServer, weaverTest, type NatsServer } from '@weaver/testing'

const SDK = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = fileURLToPath(new URL('testdata/foreman.mjs', import.meta.url))
const DEPLOYMENT = 'shop-1'
const LEASE_MS = 5_000
const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => log }

interface Word {
  readonly replica: string
  readonly what: 'leads' | 'works' | 'signal'
  readonly token: number
  /** On the clock of the machine, which all processes share. */
  readonly at: number
}

let nats: NatsServer
let closing: (() => Promise<void> | void)[]
let children: ChildProcess[]
let words: Word[]
beforeAll(async () => {
  // Incremental: nothing to do where the build is up to date, and never a stale one.
  const build = spawn(process.execPath, [join(SDK, '../node_modules/typescript/bin/tsc'), '-b', SDK], { stdio: 'inherit' })
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error('the SDK does not build')
}, 900_000)
beforeEach(async () => {
  ;[closing, children, words] = [[], [], []]
  nats = await startNatsServer()
  const port = await connectNats({ servers: [nats.url], name: 'deployer', inboxPrefix: `wv.${DEPLOYMENT}.i.deployer`, log })
  const components = [{ name: 'shop/Foreman', leader: 'version' }] as const
  const controller = startLeaderController({ deploymentId: DEPLOYMENT, port, components, leases: createMemoryLeases(), leaseMs: LEASE_MS })
  closing.push(
    () => port.close(),
    () => controller.close(),
  )
})
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  for (const close of closing.reverse()) await close()
  await nats.stop()
})

function launch(replica: string): ChildProcess {
  const bootstrap = { version: 1, app: 'shop', deploymentId: DEPLOYMENT, versionId: 'v1', group: 'foreman', replica, components: ['shop/Foreman'], listeners: {}, nats: { servers: [nats.url] }, config: {} } // prettier-ignore
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'] ?? '', WEAVER_BOOTSTRAP: JSON.stringify(bootstrap), WEAVER_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const word = JSON.parse(line) as Omit<Word, 'replica'> & { readonly level?: string }
    if (word.level === undefined) words.push({ replica, ...word }) // else an entry of the log
  })
  children.push(child)
  return child
}

/** The next word that fits. */
async function word(what: Word['what'], fits: (word: Word) => boolean = () => true): Promise<Word> {
  const limit = Date.now() + 90_000
  for (;;) {
    const found = words.find((word) => word.what === what && fits(word))
    if (found !== undefined) return found
    if (Date.now() > limit) throw new Error(`nobody said "${what}": ${JSON.stringify(words.slice(-10))}`)
    await sleep(5)
  }
}

it('a leader that is killed is followed by another one when its lease is over, not before', async () => {
  const [one, two] = [launch('a'), launch('b')]
  const first = await word('leads')
  await sleep(LEASE_MS)
  const leader = first.replica === 'a' ? one : two
  leader.kill('SIGKILL')
  await once(leader, 'exit')
  const second = await word('leads', ({ token }) => token !== first.token)
  expect(second.token).toBeGreaterThan(first.token)
  const last = words.filter(({ token }) => token === first.token).at(-1)?.at ?? Infinity
  // Renewed when a third of it was over: at least so much of the last lease was left.
  expect(second.at - last).toBeGreaterThan(LEASE_MS / 2)
  expect(second.at - last).toBeLessThan(5 * LEASE_MS)
})

it('a leader that is frozen loses the lease; thawed, its signal fires, and its token is the smaller one', async () => {
  const [one, two] = [launch('a'), launch('b')]
  const first = await word('leads')
  const leader = first.replica === 'a' ? one : two
  await sleep(LEASE_MS / 2)
  leader.kill('SIGSTOP')
  const frozen = Date.now()
  const second = await word('leads', ({ token }) => token !== first.token)
  expect(second.replica).not.toBe(first.replica)
  expect(second.token).toBeGreaterThan(first.token)
  // While it is frozen it does nothing, and that is all that keeps the two apart here.
  const isOfFirst = ({ token }: Word): boolean => token === first.token
  await sleep(100)
  expect(words.filter((word) => isOfFirst(word) && word.at > frozen + 50)).toEqual([])
  const thawed = Date.now()
  leader.kill('SIGCONT')
  const signal = await word('signal', isOfFirst)
  expect(signal.at).toBeGreaterThanOrEqual(thawed)
  expect(signal.at - thawed).toBeLessThan(2 * LEASE_MS)
  await sleep(LEASE_MS)
  // One step of work may come in between: what was due when it froze. A store that checks the token
  // refuses it.
  expect(words.filter((word) => isOfFirst(word) && word.what === 'works' && word.at >= thawed).length).toBeLessThanOrEqual(1)
  expect(words.filter(({ what }) => what === 'leads')).toHaveLength(2)
})

it('no two work at once while the broker is frozen: the leader stops by itself before its lease is over', async () => {
  for (const replica of ['a', 'b']) launch(replica)
  const first = await word('leads')
  await sleep(LEASE_MS)
  process.kill(nats.pid, 'SIGSTOP')
  const frozen = Date.now()
  const signal = await word('signal')
  expect(signal.at - frozen).toBeLessThan(LEASE_MS)
  process.kill(nats.pid, 'SIGCONT')
  const second = await word('leads', ({ token }) => token !== first.token)
  expect(second.token).toBeGreaterThan(first.token)
  expect(second.at).toBeGreaterThanOrEqual(
    words.filter(({ token, what }) => token === first.token && what === 'works').at(-1)?.at ?? Infinity,
  )
})

it('no two work at once, while leaders are killed and replaced', async () => {
  for (const replica of ['a', 'b', 'c']) launch(replica)
  let token = 0
  for (let round = 0; round < 4; round++) {
    const before = token
    const found = await word('leads', (word) => word.token > before)
    token = found.token
    await sleep(200)
    const index = ['a', 'b', 'c'].indexOf(found.replica)
    const leader = children[index]
    leader?.kill(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM')
    if (leader !== undefined) await once(leader, 'exit')
    const again = launch(found.replica)
    children[index] = again
  }
  const worked = [...new Set(words.map((word) => word.token))]
    .sort((a, b) => a - b)
    .map((token) => {
      const times = words.filter((word) => word.token === token && word.what !== 'signal').map(({ at }) => at)
      return { from: Math.min(...times), to: Math.max(...times) }
    })
  expect(worked.length).toBeGreaterThanOrEqual(4)
  for (const [i, { from }] of worked.entries()) expect(from).toBeGreaterThanOrEqual(worked[i - 1]?.to ?? 0)
})

interface Foreman {
  token(): Promise<number>
}
const Foreman = component<Foreman>('shop/Foreman', { leader: 'version' })
class NotHere implements Foreman {
  async lead(): Promise<void> {
    throw new Error('it is led in another process')
  }
  async token(): Promise<number> {
    return this.lead().then(() => 0)
  }
}

it('a component leads in a test with the runner multi', async () => {
  const weaver = genByHand([bindByHand(Foreman, implement(Foreman, NotHere), { methods: ['token'] })])
  await weaverTest({ weaver, runner: 'multi', entry: PROGRAM }, async (test) => {
    let token = 0
    for (let i = 0; i < 100 && token === 0; i++) {
      token = await test.get(Foreman).token()
      await sleep(20)
    }
    expect(token).toBeGreaterThan(0)
  })
})
