/** Real processes: the built examples/httpserver, alone and as two parts of one deployment over a real nats-server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import { eventually } from '../testing/eventually.js'
import type { Bootstrap } from '../contract/bootstrap.js'
import type { ControlReply, ControlRequest, WeaveletProfile } from '../contract/control.js'
import { controlReplyReader, mergeCpuProfiles, mergeHeapProfiles } from '@weaver/deployer'
import { parseLogBatch, type LogBatch } from '../contract/logs.js'
import { callSubject, controlAllSubject, controlSubject, logSubject } from '../contract/subjects.js'
import { freePort, startNatsServer, type NatsServer } from '@weaver/testing'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/httpserver')
const DEPLOYMENT = 'httpserver-0000aaaa'

interface App {
  readonly stdout: string
  readonly stderr: string
  readonly isRunning: boolean
  signal(name: NodeJS.Signals): void
  exited(): Promise<number | null>
}

const apps: App[] = []
let nats: NatsServer
let folder: string
beforeAll(async () => {
  // Incremental: nothing to do where the build is up to date, and never a stale one.
  const build = spawn(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', EXAMPLE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  build.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`examples/httpserver does not build:\n${text}`)
}, 900_000)
beforeEach(async () => {
  nats = await startNatsServer()
  folder = mkdtempSync(join(tmpdir(), 'weaver-test-'))
})
afterEach(async () => {
  for (const app of apps.splice(0)) {
    app.signal('SIGKILL')
    await app.exited()
  }
  await nats.stop()
  rmSync(folder, { recursive: true })
})

function launch(env: Readonly<Record<string, string>>): App {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: EXAMPLE,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'close') as Promise<[number | null]>
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const app: App = {
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    get isRunning() {
      return child.exitCode === null && child.signalCode === null
    },
    signal: (name) => void child.kill(name),
    exited: async () => (await exited)[0],
  }
  apps.push(app)
  return app
}

const until = (app: App, isSo: () => boolean | Promise<boolean>) =>
  eventually('the state of the application', isSo, {
    everyMs: 10,
    soFar: () => app.stdout + app.stderr,
    goesOn() {
      if (!app.isRunning) throw new Error(`the application ended:\n${app.stdout}${app.stderr}`)
    },
  })

const statusOf = (url: string): Promise<number> =>
  fetch(url).then(
    ({ status }) => status,
    () => 0,
  )

async function json(url: string): Promise<unknown> {
  const response = await fetch(url)
  return [response.status, await response.json()]
}

/** Sends a request and returns when the server has it at work: a server of Node says so where it is asked. The status is 0 when there is no answer. */
async function underway(url: string): Promise<{ readonly status: Promise<number> }> {
  const request = get(url, { headers: { expect: '100-continue' } })
  const status = new Promise<number>((resolve) => {
    request.once('response', (response: IncomingMessage) => response.resume().once('end', () => resolve(response.statusCode ?? 0)))
    request.once('error', () => resolve(0))
  })
  await once(request, 'continue')
  return { status }
}

/** The listener's part and the part with the two components, ready. */
async function launchTwo(change: Partial<Bootstrap> = {}) {
  const [httpPort, webHealth, textHealth] = [await freePort(), await freePort(), await freePort()]
  const bootstrap = (group: string, health: number, own: Pick<Bootstrap, 'components' | 'listeners' | 'config'>): string =>
    JSON.stringify({
      version: 1,
      app: 'httpserver',
      deploymentId: DEPLOYMENT,
      versionId: '0000aaaa',
      group,
      replica: `${group}-0`,
      nats: { servers: [nats.url] },
      health: { address: `127.0.0.1:${health}` },
      ...own,
      ...change,
    } satisfies Bootstrap)
  const text = launch({
    WEAVER_BOOTSTRAP: bootstrap('text', textHealth, {
      components: ['httpserver/Converter', 'httpserver/Reverser'],
      listeners: {},
      config: {},
    }),
  })
  const web = launch({
    WEAVER_BOOTSTRAP: bootstrap('web', webHealth, {
      components: ['weaver/Main'],
      listeners: { lis: { address: `127.0.0.1:${httpPort}` } },
      config: { 'weaver/Main': { greeting: 'Bonjour' } },
    }),
  })
  const ready = (port: number) => async (): Promise<boolean> => (await statusOf(`http://127.0.0.1:${port}/readyz?v=${DEPLOYMENT}`)) === 200
  await until(text, ready(textHealth))
  await until(web, ready(webHealth))
  return { web, text, url: `http://127.0.0.1:${httpPort}`, isReady: ready(webHealth) }
}

describe('two processes of one deployment', () => {
  it('answer a request together, each with its own part, configured and signed', async () => {
    const { url, web } = await launchTwo()
    expect(await json(`${url}/hello?text=ann`)).toEqual([200, { greeting: 'Bonjour, Ann!' }])
    const by = (replica: string): unknown => ({ release: 'v1', version: '0000aaaa', replica })
    expect(await json(`${url}/signed?text=abc`)).toEqual([
      200,
      { text: 'CBA', main: by('web-0'), reverser: by('text-0'), converter: by('text-0') },
    ])
    const first = JSON.parse(web.stdout.split('\n')[0] ?? '') as unknown
    expect(first).toMatchObject({ level: 'info', app: 'httpserver', version: '0000aaaa', group: 'web', replica: 'web-0' })
  })

  it('finish a slow request after SIGTERM, refuse new ones, and exit with 0', async () => {
    const { web, text, url } = await launchTwo()
    const slow = await underway(`${url}/slow?ms=2000&text=abc`)
    web.signal('SIGTERM')
    await until(web, async () => (await statusOf(`${url}/hello`)) === 0)
    expect(await slow.status).toBe(200)
    expect(await web.exited()).toBe(0)
    text.signal('SIGTERM')
    expect(await text.exited()).toBe(0)
    expect(web.stderr + text.stderr).toBe('')
  })

  it('exit with 1 when what is in flight takes longer than the grace period', async () => {
    const { web, url } = await launchTwo({ shutdownGraceMs: 200 })
    const slow = await underway(`${url}/slow?ms=600000`)
    web.signal('SIGTERM')
    expect(await web.exited()).toBe(1)
    expect(await slow.status).toBe(0)
    expect(web.stdout).toContain('connections were cut off: they were not done in time for the stop')
  })

  it('become unready without the broker, find it again, and can be stopped without it', async () => {
    const { web, text, url, isReady } = await launchTwo()
    await nats.stop()
    await until(web, async () => !(await isReady()))
    nats = await startNatsServer({ port: nats.port })
    await until(web, isReady)
    expect(await json(`${url}/reverse?text=abc`)).toEqual([200, { text: 'cba' }])
    await nats.stop()
    await until(web, async () => !(await isReady()))
    for (const app of [web, text]) app.signal('SIGTERM')
    expect([await web.exited(), await text.exited()]).toEqual([0, 0])
  })

  it('answer their deployer, and survive what nobody should send', async () => {
    const { web, text, url } = await launchTwo()
    const raw = await connect({ servers: nats.url })
    try {
      const ask = async (subject: string, request: ControlRequest | string): Promise<ControlReply> => {
        const body = typeof request === 'string' ? request : JSON.stringify(request)
        return (await raw.request(subject, body, { timeout: 2_000 })).json()
      }
      const status = await ask(controlSubject(DEPLOYMENT, 'text-0'), { kind: 'status' })
      expect(status).toMatchObject({ kind: 'status', replica: 'text-0', group: 'text', ready: true, draining: false, inFlight: 0 })
      expect(await ask(controlAllSubject(DEPLOYMENT), { kind: 'logLevel', level: 'debug' })).toEqual({ kind: 'ok' })
      for (const request of [
        '{',
        'null',
        '7',
        '{"kind":"other"}',
        '{"kind":"logLevel","level":"loud"}',
        '{"kind":"profile","type":"cpu","seconds":"1e9"}',
        '{"kind":"profile","type":"all","seconds":1}',
      ])
        expect([request, await ask(controlSubject(DEPLOYMENT, 'web-0'), request)]).toMatchObject([
          request,
          { kind: 'error', code: 'WEAVER_CONTROL_INVALID' },
        ])
      const subjects = [callSubject(DEPLOYMENT, 'httpserver/Reverser'), `wv.${DEPLOYMENT}.i.web-0.r.0`]
      for (const subject of subjects)
        for (const bytes of [[], [1], [1, 1, 0xff], [1, 2, 0xff], Array.from({ length: 64 }, () => 0xff)])
          raw.publish(subject, Uint8Array.from(bytes), { reply: 'nobody.listens' })
      await raw.flush()
    } finally {
      await raw.close()
    }
    expect(await json(`${url}/reverse?text=abc`)).toEqual([200, { text: 'cba' }])
    expect([web.isRunning, text.isRunning, web.stderr + text.stderr]).toEqual([true, true, ''])
  })
})

describe('what two processes tell of themselves', () => {
  it('their log entries go over the broker where the deployer wants them there, to the last one', async () => {
    const raw = await connect({ servers: nats.url })
    try {
      const batches: LogBatch[] = []
      raw.subscribe(logSubject(DEPLOYMENT), {
        callback: (_error, { data }) => {
          const batch = parseLogBatch(data)
          if (batch !== undefined) batches.push(batch)
        },
      })
      await raw.flush()
      const { web, text } = await launchTwo({ logs: 'nats' })
      for (const app of [web, text]) app.signal('SIGTERM')
      expect([await web.exited(), await text.exited(), web.stdout + text.stdout]).toEqual([0, 0, ''])
      const entries = batches.flatMap((batch) => batch.entries)
      const started = entries.filter(({ message }) => message === 'started')
      expect(started.map(({ replica }) => replica).sort()).toEqual(['text-0', 'web-0'])
      expect(started[0]).toMatchObject({ level: 'info', app: 'httpserver', version: '0000aaaa', deploymentId: DEPLOYMENT })
    } finally {
      await raw.close()
    }
  })

  it('a profile of each, taken at the same time and merged into one', async () => {
    const { url } = await launchTwo()
    const raw = await connect({ servers: nats.url })
    /** Those of both processes, taken while they have something to do. */
    const take = async (type: 'cpu' | 'heap', seconds: number): Promise<readonly WeaveletProfile[]> => {
      const inbox = `wv.${DEPLOYMENT}.i.test.${type}`
      const subscription = raw.subscribe(inbox)
      raw.publish(controlAllSubject(DEPLOYMENT), JSON.stringify({ kind: 'profile', type, seconds } satisfies ControlRequest), {
        reply: inbox,
      })
      const timer = setTimeout(() => subscription.unsubscribe(), 30_000)
      const profiles: WeaveletProfile[] = []
      const call = async (): Promise<void> => {
        while (profiles.length < 2 && !subscription.isClosed()) await json(`${url}/reverse?text=abc`)
      }
      const callers = Array.from({ length: 16 }, call)
      const read = controlReplyReader()
      for await (const { data } of subscription) {
        const reply = read(data)
        if (reply !== undefined) profiles.push(reply as WeaveletProfile) // checked below
        if (profiles.length === 2) break
      }
      clearTimeout(timer)
      await Promise.all(callers)
      expect(profiles.map(({ kind, replica }) => `${kind} ${replica}`).sort()).toEqual(['profile text-0', 'profile web-0'])
      return profiles
    }
    try {
      // A profile is a sample: on a machine that is busy with other work a short one may hold none of a call. Each try takes longer.
      const seen = new Set<string>()
      for (const seconds of [0.5, 1, 2, 4, 8]) {
        const profiles = await take('cpu', seconds)
        const merged = mergeCpuProfiles(profiles.flatMap((one) => (one.type === 'cpu' ? [one.profile] : [])))
        expect(merged.endTime - merged.startTime).toBeGreaterThan(2 * 0.9 * seconds * 1_000_000)
        for (const file of ['/rpc/client/rpc-client.js', '/rpc/server/rpc-server.js'])
          if (merged.nodes.some(({ callFrame }) => callFrame.url.endsWith(file))) seen.add(file)
        if (seen.size === 2) break
      }
      expect([...seen].sort()).toEqual(['/rpc/client/rpc-client.js', '/rpc/server/rpc-server.js'])
      let allocations = 0
      for (const seconds of [0.5, 1, 2, 4, 8]) {
        const profiles = await take('heap', seconds)
        allocations = mergeHeapProfiles(profiles.flatMap((one) => (one.type === 'heap' ? [one.profile] : []))).head.children.length
        if (allocations > 0) break
      }
      expect(allocations).toBeGreaterThan(0)
    } finally {
      await raw.close()
    }
  }, 300_000)
})

describe('a process alone', () => {
  it.each(['WEAVER_CONFIG', 'SERVICEWEAVER_CONFIG'])('reads the file that %s names', async (variable) => {
    const port = await freePort()
    const file = join(folder, 'weaver.toml')
    writeFileSync(
      file,
      `[serviceweaver]\nname = "shop"\n[single]\nlisteners.lis = { address = "127.0.0.1:${port}" }\n["weaver/Main"]\ngreeting = "Hola"\n`,
    )
    const app = launch({ [variable]: file })
    await until(app, async () => (await statusOf(`http://127.0.0.1:${port}/hello`)) === 200)
    expect(await json(`http://127.0.0.1:${port}/hello?text=ann`)).toEqual([200, { greeting: 'Hola, Ann!' }])
    expect(app.stderr).toMatch(/│ app {8}: shop /)
    app.signal('SIGINT')
    expect(await app.exited()).toBe(0)
  })
})

describe('Ctrl-C', () => {
  it('a second time ends the process at once', async () => {
    const port = await freePort()
    const file = join(folder, 'weaver.toml')
    writeFileSync(file, `[single]\nlisteners.lis = { address = "127.0.0.1:${port}" }\n`)
    const app = launch({ WEAVER_CONFIG: file })
    await until(app, async () => (await statusOf(`http://127.0.0.1:${port}/hello`)) === 200)
    const slow = await underway(`http://127.0.0.1:${port}/slow?ms=60000`)
    app.signal('SIGINT')
    await until(app, async () => (await statusOf(`http://127.0.0.1:${port}/hello`)) === 0)
    await sleep(400)
    app.signal('SIGINT')
    expect(await app.exited()).toBe(130)
    expect(await slow.status).toBe(0)
  })
})

describe('a process that cannot start', () => {
  const bootstrap = (change: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({
      version: 1,
      app: 'a',
      deploymentId: 'd',
      versionId: 'v',
      group: 'g',
      replica: 'r',
      components: ['weaver/Main', 'httpserver/Converter', 'httpserver/Reverser'],
      listeners: {},
      config: {},
      ...change,
    })
  const cases: readonly (readonly [what: string, text: string, code: string, message: string])[] = [
    ['no JSON', '{', 'WEAVER_BOOTSTRAP_INVALID', 'WEAVER_BOOTSTRAP is not JSON. The deployer sets this variable; do not set it by hand.'],
    ['another release', bootstrap({ version: 9 }), 'WEAVER_BOOTSTRAP_INVALID', 'use a deployer and an SDK of the same release'],
    ['a missing field', bootstrap({ group: undefined }), 'WEAVER_BOOTSTRAP_INVALID', 'group: must be a non-empty string'],
    ['a wrong broker', bootstrap({ nats: { servers: [7] } }), 'WEAVER_BOOTSTRAP_INVALID', 'nats.servers: must be a non-empty list of URLs'],
    ['an unknown component', bootstrap({ components: ['x/Y'] }), 'WEAVER_START_INVALID', 'this build has no such component'],
    [
      'a wrong configuration',
      bootstrap({ config: { 'weaver/Main': { greting: 'x' } } }),
      'WEAVER_START_INVALID',
      'did you mean "greeting"?',
    ],
  ]
  it.each(cases)('for %s says why, without a stack, and exits with 1', async (_, text, code, message) => {
    const app = launch({ WEAVER_BOOTSTRAP: text })
    expect(await app.exited()).toBe(1)
    const entries = app.stdout.trim().split('\n')
    expect(entries).toHaveLength(1)
    const entry = JSON.parse(entries[0] ?? '') as { readonly msg: string }
    expect(entry).toEqual({ ts: expect.any(String) as unknown, level: 'error', msg: expect.stringContaining(message) as unknown, code })
    expect(app.stderr).toBe('')
  })

  it('and any other takes its credentials out of the environment that its children get', async () => {
    const tell = `process.on('exit', () => console.error(JSON.stringify([process.env.WEAVER_BOOTSTRAP, process.env.KEPT])))`
    const app = launch({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}`,
      WEAVER_BOOTSTRAP: bootstrap({ components: ['x/Y'] }),
      KEPT: 'yes',
    })
    expect(await app.exited()).toBe(1)
    expect(app.stderr).toBe('[null,"yes"]\n')
  })

  it('for a configuration file says where it is wrong, without a stack', async () => {
    const file = join(folder, 'weaver.toml')
    writeFileSync(file, '[serviceweaver]\nname = = 1\n')
    const broken = launch({ WEAVER_CONFIG: file })
    expect(await broken.exited()).toBe(1)
    expect(broken.stderr).toContain(`${file}:2:8: `)
    expect(broken.stderr).toContain('code=WEAVER_CONFIG_FILE')
    expect(broken.stderr).not.toMatch(/\n\s+at /)
    const missing = launch({ WEAVER_CONFIG: join(folder, 'none.toml') })
    expect(await missing.exited()).toBe(1)
    expect(missing.stderr).toContain(`the configuration "${join(folder, 'none.toml')}" cannot be read`)
    expect(missing.stderr).not.toMatch(/\n\s+at /)
  })
})
