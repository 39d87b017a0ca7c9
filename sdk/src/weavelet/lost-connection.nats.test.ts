/**
 * A real process that has no connection to the broker, not yet or never again, or may not use it.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bootstrap } from '../contract/bootstrap.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'

const PROGRAM = fileURLToPath(new URL('testdata/lone.mjs', import.meta.url))

let folder: string
let config: string
let nats: NatsServer
let child: ChildProcessByStdio<null, Readable, null> | undefined
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-lost-'))
  config = join(folder, 'nats.conf')
  nats = await startNatsServer()
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await nats.stop()
  rmSync(folder, { recursive: true })
})

async function launch(change: Partial<Bootstrap> = {}, until = 'READY') {
  const bootstrap: Bootstrap = {
    version: 1,
    app: 'test',
    deploymentId: 'test-1',
    versionId: '1',
    group: 'main',
    replica: 'main-0',
    components: ['weaver/Main'],
    nats: { servers: [nats.url] },
    listeners: {},
    config: {},
    ...change,
  }
  const started = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'], WEAVER_BOOTSTRAP: JSON.stringify(bootstrap) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = started
  let text = ''
  started.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const exited = once(started, 'close') as Promise<[number | null]>
  while (!text.includes(until)) {
    if (started.exitCode !== null) {
      await exited // and all that it wrote is here
      if (text.includes(until)) break
      throw new Error(`the process ended before it was ready: ${text}`)
    }
    await sleep(10)
  }
  const errors = (): unknown[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly level: string })
      .filter(({ level }) => level === 'error')
  return { child: started, exited: async () => (await exited)[0], errors }
}

const LOST = { code: 'WEAVER_NATS_LOST', msg: expect.stringContaining('closed for good: a fault in the client library') as unknown }

it('ends with 1 when the connection to the broker is closed for good, and says why', async () => {
  const app = await launch()
  app.child.kill('SIGUSR2')
  expect(await app.exited()).toBe(1)
  expect(app.errors()).toMatchObject([LOST])
})

it('ends with 1 when that happens while it stops', async () => {
  const app = await launch({ preStopMs: 1_000 })
  app.child.kill('SIGTERM')
  await sleep(200)
  app.child.kill('SIGUSR2')
  expect(await app.exited()).toBe(1)
  expect(app.errors()).toMatchObject([LOST])
})

it('ends with 1 when the broker does not allow a subscription that it needs, and names subject and user', async () => {
  await nats.stop()
  const permissions = 'permissions: { subscribe: { deny: "wv.*.ctl.>" } }'
  writeFileSync(config, `authorization { users: [{ user: web, password: secret, ${permissions} }] }`)
  nats = await startNatsServer({ args: ['-c', config] })
  const app = await launch({ nats: { servers: [nats.url.replace('//', '//web:secret@')] } }, 'WEAVER_NATS_FORBIDDEN')
  expect(await app.exited()).toBe(1)
  const said = expect.stringMatching(/does not let user "web" subscribe to "wv\.test-1\.ctl\./) as unknown
  expect(app.errors()).toMatchObject([{ code: 'WEAVER_NATS_FORBIDDEN', msg: said }])
})

it('ends with 0 and without an error when it is told to stop before the broker was there', async () => {
  await nats.stop()
  const app = await launch({}, 'waiting for NATS')
  app.child.kill('SIGTERM')
  expect(await app.exited()).toBe(0)
  expect(app.errors()).toEqual([])
})

it('ends so at once where something answers in place of the broker and says nothing', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  const accepted = once(mute, 'connection')
  await once(mute, 'listening')
  const { port } = mute.address() as { readonly port: number } // a TCP server that listens has one
  try {
    const launched = launch({ nats: { servers: [`nats://127.0.0.1:${port}`] } }).catch(() => undefined)
    await accepted
    await sleep(300) // the handlers of signals are installed by then
    const startedAt = performance.now()
    child?.kill('SIGTERM')
    const [code] = (await once(child as NonNullable<typeof child>, 'exit')) as [number | null] // launch() has set it
    expect(code).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(4_000) // an attempt takes five seconds
    await launched
  } finally {
    mute.close()
  }
})
