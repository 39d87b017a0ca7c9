/**
 * `weaver multi …` as a user runs it on examples/httpserver: real processes, a real broker, one
 * deployment for the whole tour.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/deployer'
import type { CpuProfile } from '@weaver/sdk/contract'
import { eventually, isAlive } from '@weaver/sdk/test-support'
import { buildExample, buildPackage } from '../../../../scripts/build-example.js'
import type { DeploymentView } from '../../deployers/local/deployment-view.js'
import { anError } from '../../testing/an-error.js'
import { askDashboard } from '../../testing/ask-dashboard.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'

const WEAVER = fileURLToPath(new URL('../../../bin/weaver.js', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../../examples/httpserver/dist/main.js', import.meta.url))
/** Of anything that is waited for: a busy machine takes its time. */
const WAIT_MS = 180_000

let folder: string
let state: string
let port: number
let deployers: { readonly child: ChildProcess; readonly exited: Promise<unknown>; text: string }[] = []
beforeAll(async () => {
  buildPackage('cli')
  buildExample('httpserver')
  folder = mkdtempSync(join(tmpdir(), 'weaver-multi-'))
  state = join(folder, 'state')
  port = await freePort()
}, 900_000)
afterEach(async () => {
  // Of a test that failed half way: its processes end with their deployer, and what is left is
  // killed.
  for (const { child, exited } of deployers) {
    child.kill('SIGKILL')
    await exited
  }
  deployers = []
  expect((await weaver('multi purge --yes')).code).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = (): Record<string, string> => ({ XDG_STATE_HOME: state, PATH: process.env['PATH'] ?? '', HOME: folder })
const weaver = (line: string): Promise<Ran> => runWeaver(line.split(' '), { cwd: folder, env: env() })
const views = async (): Promise<readonly DeploymentView[]> => JSON.parse((await weaver('multi status --json')).stdout) as DeploymentView[]

function toml(multi: string, name = 'weaver.toml'): void {
  writeFileSync(
    join(folder, name),
    `[serviceweaver]\nname = "httpserver"\nbinary = ${JSON.stringify(MAIN)}\n["weaver/Main"]\ngreeting = "Servus"\n[multi]\nlisteners.lis = { address = "localhost:${port}" }\n${multi}`,
  )
}

const until = <T>(what: string, look: () => T | Promise<T>) =>
  eventually(what, look, { withinMs: WAIT_MS, everyMs: 100, soFar: () => deployers.map(({ text }) => text) })

/** A process of its own: it is killed, too. */
async function deploy(said = 'ready: '): Promise<(typeof deployers)[number]> {
  const child = spawn(process.execPath, [WEAVER, 'multi', 'deploy', 'weaver.toml'], { cwd: folder, env: env() })
  const deployer = { child, exited: once(child, 'exit'), text: '' }
  deployers.push(deployer)
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (deployer.text += text))
  await until('the deployment', () => {
    if (child.exitCode !== null) throw new Error(deployer.text)
    return deployer.text.includes(said) ? true : undefined
  })
  return deployer
}

interface Signed {
  readonly text: string
  readonly main: { readonly replica: string; readonly version: string }
  readonly reverser: { readonly replica: string; readonly version: string }
}
const get = async <T>(path: string): Promise<T> => {
  const response = await fetch(`http://localhost:${port}${path}`)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as T // as examples/httpserver answers
}

/** Requests all the time, each noted with its times. */
function startLoad(): {
  stop(): Promise<readonly { readonly from: number; readonly to: number; readonly error: unknown }[]>
  count(): number
} {
  const done: { from: number; to: number; error: unknown }[] = []
  const over = new AbortController()
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const from = performance.now()
      const error: unknown = await get('/signed?text=abc').then(
        () => undefined,
        (reason: unknown) => reason,
      )
      done.push({ from, to: performance.now(), error })
    }
  }
  const clients = Array.from({ length: 8 }, client)
  return {
    count: () => done.length,
    async stop() {
      over.abort()
      await Promise.all(clients)
      return done
    },
  }
}

const pidsOf = ({ groups }: DeploymentView): readonly number[] => groups.flatMap(({ replicas }) => replicas.flatMap(({ pid }) => pid ?? []))

it('the tour: deploy, requests, status, logs, metrics, profile; replicas that drain and die under load; kill', async () => {
  expect(await weaver('multi status')).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('no application runs') })
  toml('')
  const deployer = await deploy()
  expect(deployer.text).toMatch(/│ app +: httpserver +│\n│ deployment : [0-9a-f-]{36} │/)
  expect(deployer.text).toContain(`listener lis: http://localhost:${port}\n`)

  // every replica has its turn, with the configuration of the file
  expect(await get('/hello?text=ada')).toEqual({ greeting: 'Servus, Ada!' })
  const answers = await Promise.all(Array.from({ length: 60 }, () => get<Signed>('/signed?text=abc')))
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['CBA']))
  for (const part of ['main', 'reverser'] as const) expect(new Set(answers.map((answer) => answer[part].replica)).size).toBe(2)

  const { stdout } = await weaver('multi status')
  const pids = String.raw`\d+, \d+`
  expect(stdout.replaceAll(/ {2,}/g, '  ')).toMatch(
    new RegExp(
      [
        String.raw`^DEPLOYMENTS\nAPP  DEPLOYMENT  AGE  STATUS\nhttpserver  [0-9a-f-]{36}  \d+[sm]  ready\n\nCOMPONENTS\nAPP  DEPLOYMENT  COMPONENT  REPLICA PIDS  STATUS`,
        String.raw`httpserver  [0-9a-f]{8}  httpserver/Converter  ${pids}  ready\nhttpserver  [0-9a-f]{8}  weaver/Main  ${pids}  ready\nhttpserver  [0-9a-f]{8}  httpserver/Reverser  ${pids}  ready`,
        String.raw`\nLISTENERS\nAPP  DEPLOYMENT  LISTENER  ADDRESS\nhttpserver  [0-9a-f]{8}  lis  localhost:${port}\n$`,
      ].join('\n'),
    ),
  )
  const [view] = (await views()) as [DeploymentView]
  expect(new Set(pidsOf(view)).size).toBe(6)
  expect(view.listeners).toEqual([{ name: 'lis', group: 'main', address: `localhost:${port}`, backends: 2 }])

  const families = JSON.parse((await weaver('multi metrics httpserver --json')).stdout) as { readonly replica: string }[]
  expect(families.map(({ replica }) => replica).sort()).toEqual(
    view.groups.flatMap(({ replicas }) => replicas.map(({ replica }) => replica)).sort(),
  )
  expect((await weaver('multi profile --duration 1s --output all.cpuprofile')).code).toBe(0)
  const { startTime, endTime } = JSON.parse(readFileSync(join(folder, 'all.cpuprofile'), 'utf8')) as CpuProfile
  expect(endTime - startTime).toBeGreaterThan(5_000_000) // of all six
  const started = await weaver('multi logs --system --query msg=="started"')
  expect(started.stdout.match(/│ started/g)).toHaveLength(6)

  // a second deployer of the same address is told who has it
  const second = await weaver('multi deploy weaver.toml')
  expect(second).toEqual(
    anError(1, 'error WEAVER_CLI_PORT_IN_USE', `localhost:${port}`, `"httpserver" of another`, `process ${deployer.child.pid}`),
  )
  expect(await weaver('multi kill')).toEqual(anError(1, 'WEAVER_CLI_DECLINED', '--yes'))

  // SIGTERM to a replica of Main and one of Reverser: nothing is lost; kill -9: what was inside
  const load = startLoad()
  const replicaOf = async (group: string) => {
    const [now] = (await views()) as [DeploymentView]
    const all = now.groups.find(({ name }) => name === group)?.replicas ?? []
    return all.every((one) => one.state === 'ready') ? (all[0] as { readonly replica: string; readonly pid: number }) : undefined
  }
  const end = async (group: string, signal: NodeJS.Signals): Promise<{ readonly from: number; readonly to: number }> => {
    const { replica, pid } = await until(`the replicas of ${group}`, () => replicaOf(group))
    const before = load.count()
    await until('load', () => (load.count() > before + 20 ? true : undefined))
    const from = performance.now()
    process.kill(pid, signal)
    await until('another process', async () => {
      const [now] = (await views()) as [DeploymentView]
      const found = now.groups.flatMap(({ replicas }) => replicas).find((one) => one.replica === replica)
      return found?.state === 'ready' && found.pid !== pid ? true : undefined
    })
    return { from, to: performance.now() }
  }
  await end('main', 'SIGTERM')
  await end('reverser', 'SIGTERM')
  const killed = await end('main', 'SIGKILL')
  await end('reverser', 'SIGKILL')
  const requests = await load.stop()
  const failed = requests.filter(({ error }) => error !== undefined)
  // A client has one request at a time: what was inside of the process that was killed are its
  // requests of that moment.
  const unexcused = failed.filter(({ from, to }) => !(from < killed.to && to > killed.from))
  expect(unexcused).toEqual([])
  expect(failed.length).toBeLessThanOrEqual(8)
  expect(deployer.text).toMatch(/W\d{4} [\d:.]{12} weaver +[0-9a-f]{8} .*│ the process was killed by SIGKILL/)
  const [after] = (await views()) as [DeploymentView]
  const died = after.groups.flatMap(({ replicas }) =>
    replicas.flatMap(({ lastDeath, restarts }) => (lastDeath === undefined ? [] : [`${restarts} ${lastDeath.cause}`])),
  )
  expect(died.length).toBeGreaterThan(0)
  expect((await weaver('multi status')).stdout).toMatch(/ weaver\/Main +\d+, \d+ +ready; 2 restarts, the last was killed by SIGKILL\n/)

  // the dashboard has the numbers of `metrics`, the processes of `status`, and the configuration
  const dashboard = await askDashboard('multi', { cwd: folder, env: env() })
  expect(dashboard.methods).toEqual(dashboard.counted)
  expect(dashboard.methods.reduce((sum, { calls }) => sum + calls, 0)).toBeGreaterThan(60)
  const { deployment } = dashboard.detail
  const replicas = deployment.groups.flatMap((group) => group.replicas)
  expect(replicas.map(({ pid }) => pid)).toEqual(pidsOf(after))
  expect(replicas.filter(({ lastDeath }) => lastDeath?.cause === 'was killed by SIGKILL').length).toBeGreaterThan(0)
  expect(Math.min(...replicas.map(({ memoryBytes }) => memoryBytes))).toBeGreaterThan(20_000_000)
  expect(deployment.config).toEqual({ 'weaver/Main': { greeting: 'Servus' } })
  expect(dashboard.code).toBe(0)

  // a stop answers what is in flight, and leaves nothing
  const inFlight = get('/slow?ms=4000&text=abc')
  await sleep(1_000)
  expect(await weaver('multi kill httpserver --yes')).toEqual({ code: 0, stdout: expect.stringContaining('of httpserver'), stderr: '' })
  expect(await inFlight).toEqual({ text: 'cba' })
  await deployer.exited
  expect(deployer.child.exitCode).toBe(0)
  expect(pidsOf(after).filter(isAlive)).toEqual([])
  expect(readdirSync(join(state, 'weaver/multi'))).toEqual([])
}, 900_000)

it('lives through the end of its broker, and of a process that is left; after kill -9 of the deployer nothing stays', async () => {
  toml('replicas = 1\nrestart = "leave"\n')
  const deployer = await deploy()
  const [view] = (await views()) as [DeploymentView]
  expect(pidsOf(view)).toHaveLength(3)
  const [converter] = view.groups.find(({ name }) => name === 'converter')?.replicas ?? []
  process.kill(converter?.pid ?? 0, 'SIGKILL')
  await until('the end of the converter', async () =>
    (await weaver('multi status')).stdout.match(/ httpserver\/Converter +- +ended; the last was killed by SIGKILL\n/) !== null
      ? true
      : undefined,
  )

  const entry = readdirSync(join(state, 'weaver/multi')).find((name) => name.endsWith('.json')) ?? ''
  const brokerPid = (): number => {
    const { children } = JSON.parse(readFileSync(join(state, 'weaver/multi', entry), 'utf8')) as { children: [unknown, [{ pid: number }]] }
    return children[1][0].pid
  }
  process.kill(brokerPid(), 'SIGKILL')
  await until('the broker to be back', () =>
    deployer.text.includes('the broker was killed by SIGKILL; it is started again') ? true : undefined,
  )
  const answer = await until('calls to work again', () => get('/reverse?text=abc').catch(() => undefined))
  expect(answer).toEqual({ text: 'cba' })

  deployer.child.kill('SIGKILL')
  await deployer.exited
  await until('the end of the processes', () => (pidsOf(view).some(isAlive) ? undefined : true))
  await until('the end of the broker', async () => {
    expect((await weaver('multi status')).stdout).toBe('')
    return readdirSync(join(state, 'weaver/multi')).length === 0 ? true : undefined
  })
  expect((await weaver('multi logs --system --query group=="main"')).stdout).toContain('listening')
  expect((await weaver('multi purge --yes')).code).toBe(0)
  expect(existsSync(join(state, 'weaver/logs/multi'))).toBe(false)
}, 900_000)

it('ends in order when nobody reads its log any more', async () => {
  toml('replicas = 1\nrestart = "leave"\n')
  const { child, exited } = await deploy()
  const [view] = (await views()) as [DeploymentView]
  const [converter] = view.groups.find(({ name }) => name === 'converter')?.replicas ?? []
  for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  process.kill(converter?.pid ?? 0, 'SIGKILL') // what is said of it meets the broken pipe
  await exited
  expect(child.exitCode).toBe(141)
  expect(pidsOf(view).filter(isAlive)).toEqual([])
  expect(readdirSync(join(state, 'weaver/multi'))).toEqual([])
}, 900_000)

it('what cannot start, or must not go on, says why, and nothing of it runs', async () => {
  toml('replicas = 1\n')
  const config = readFileSync(join(folder, 'weaver.toml'), 'utf8')
  const deployAs = (text: string): Promise<Ran> => {
    writeFileSync(join(folder, 'weaver.toml'), text)
    return weaver('multi deploy weaver.toml')
  }
  expect(await deployAs(config.replace('greeting', 'greting'))).toEqual(anError(2, 'weaver.toml:5:1', 'greting', 'greeting'))
  expect(await deployAs(config.replace('dist/main.js', 'dist/mian.js'))).toEqual(anError(1, 'WEAVER_CLI_NOT_BUILT', 'mian.js'))
  expect(await runWeaver(['multi', 'deploy', 'weaver.toml'], { cwd: folder, env: { ...env(), PATH: '' } })).toEqual(
    anError(1, 'WEAVER_CLI_NATS', '@weaver/nats-server-', '--nats'),
  )
  writeFileSync(join(folder, 'weaver.toml'), config)
  expect(await weaver('multi deploy weaver.toml --nats nats://127.0.0.1:1')).toEqual(anError(1, 'WEAVER_NATS_CONNECT', '127.0.0.1:1'))

  // Ctrl-C while it starts.
  const early = await deploy('broker: ')
  early.child.kill('SIGINT')
  await early.exited
  expect(early.child.exitCode).toBe(0)
  expect(readdirSync(join(state, 'weaver/multi'))).toEqual([])

  writeFileSync(join(folder, 'weaver.toml'), `${config}restart = "stop-all"\n`)
  const deployer = await deploy()
  const [view] = (await views()) as [DeploymentView]
  process.kill(pidsOf(view)[0] ?? 0, 'SIGKILL')
  await deployer.exited
  expect(deployer.child.exitCode).toBe(1)
  expect(deployer.text).toMatch(
    /error WEAVER_CLI_DEPLOYMENT_ENDED: the deployment was stopped: process [0-9a-f]{8} of group "\w+" was killed by SIGKILL, and multi.restart is "stop-all"\n$/,
  )
  expect(pidsOf(view).filter(isAlive)).toEqual([])
  expect(existsSync(join(state, 'weaver/multi')) ? readdirSync(join(state, 'weaver/multi')) : []).toEqual([])
}, 900_000)
