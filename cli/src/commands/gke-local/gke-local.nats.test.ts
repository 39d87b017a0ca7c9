/**
 * `weaver gke-local …` as a user runs it on examples/httpserver: a real platform, real brokers and
 * processes, a real load balancer; one story.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/deployer'
import { eventually, isAlive } from '@weaver/sdk/test-support'
import { buildExample, buildPackage } from '../../../../scripts/build-example.js'
import type { AppView, VersionView } from '../../deployers/gke-local/platform-view.js'
import { anError } from '../../testing/an-error.js'
import { openDashboard } from '../../testing/ask-dashboard.js'
import { LIVE_MODULE, openLive } from '../../testing/live-web-socket.js'
import { runWeaver, startWeaver, type Ran } from '../../testing/run-weaver.js'

const MAIN = fileURLToPath(new URL('../../../../examples/httpserver/dist/main.js', import.meta.url))
/** Of anything that is waited for: a busy machine takes its time. */
const WAIT_MS = 180_000
/** The last one speaks HTTP/2: all its requests go over one connection. */
const CLIENTS = 5
/** A name of loopback, since the client of WebSockets takes the host from the address. */
const HOST = 'localhost'

let folder: string
let state: string
let port: number
beforeAll(async () => {
  buildPackage('cli')
  buildExample('httpserver')
  folder = mkdtempSync(join(tmpdir(), 'weaver-gke-'))
  state = join(folder, 'state')
  port = await freePort()
}, 900_000)
afterAll(async () => {
  await weaver('purge', '--yes') // of a test that failed half way
  rmSync(folder, { recursive: true, force: true })
})

const env = (): Record<string, string> => ({ XDG_STATE_HOME: state, PATH: process.env['PATH'] ?? '', HOME: folder })
const weaver = (...args: readonly string[]): Promise<Ran> => runWeaver(['gke-local', ...args], { cwd: folder, env: env() })
const app = async (name = 'httpserver'): Promise<AppView> => {
  const { stdout, stderr } = await weaver('status', name, '--json')
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as [AppView])[0]
}

interface Toml {
  readonly name?: string
  readonly host?: string
  readonly regions?: readonly string[]
  readonly env?: readonly string[]
  /** Seconds. */
  readonly deadline?: number
  readonly file?: string
}

function toml({
  name = 'httpserver',
  host = HOST,
  regions = ['us-west1', 'us-east1'],
  env: variables = [],
  deadline = 120,
  file = 'weaver.toml',
}: Toml = {}): void {
  const text = [
    `[serviceweaver]\nname = "${name}"\nbinary = ${JSON.stringify(MAIN)}\nrollout = "15s"\nenv = ${JSON.stringify(variables)}`,
    `["weaver/Main"]\ngreeting = "Servus"`,
    `[gke]\nregions = ${JSON.stringify(regions)}\nreplicas = 1\nprogress_deadline = "${deadline}s"\ndrain_timeout = "10m"`,
    `listeners.lis = { public_hostname = "${host}" }\n`,
  ]
  writeFileSync(join(folder, file), text.join('\n'))
}

interface Answer {
  readonly at: number
  /** Of each of the three components that an answer has passed. */
  readonly versions: readonly string[]
  readonly problem?: string
}

function get(host: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const at = Date.now()
    const failed = (problem: string): void => resolve({ at, versions: [], problem })
    request({ port, host: 'localhost', path: '/signed?text=abc', agent, headers: { host } }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (part: string) => (text += part))
        .on('error', ({ message }) => failed(message))
        .on('end', () => {
          if (response.statusCode !== 200) return failed(`${response.statusCode} ${text}`)
          resolve({ at, versions: versionsIn(text) })
        })
    })
      .on('error', ({ message }) => failed(message))
      .end()
  })
}

/** The same as a stream of HTTP/2. */
function getOver(session: ClientHttp2Session, host: string): Promise<Answer> {
  return new Promise((resolve) => {
    const at = Date.now()
    let [text, status] = ['', 0]
    session
      .request({ ':path': '/signed?text=abc', ':authority': host })
      .setEncoding('utf8')
      .on('response', (headers) => (status = headers[':status'] ?? 0))
      .on('data', (part: string) => (text += part))
      .on('error', ({ message }) => resolve({ at, versions: [], problem: message }))
      .on('end', () =>
        resolve({ at, ...(status === 200 ? { versions: versionsIn(text) } : { versions: [], problem: `${status} ${text}` }) }),
      )
  })
}

/** As examples/httpserver answers. */
function versionsIn(text: string): readonly string[] {
  const { main, reverser, converter } = JSON.parse(text) as Record<string, { readonly version: string }>
  return [main, reverser, converter].map((one) => one?.version ?? '')
}

/** Of a release that has them. */
const live = (release: string): readonly string[] => [`NODE_OPTIONS=--import=file://${join(folder, 'live.mjs')}`, `RELEASE=${release}`]

/** Requests all the time. */
function startLoad(host: string, clients: number): { readonly answers: readonly Answer[]; stop(): Promise<void> } {
  const answers: Answer[] = []
  const agent = new Agent({ keepAlive: true })
  const session = connect(`http://localhost:${port}`).on('error', () => undefined) // its requests fail with it
  const over = new AbortController()
  const all = Array.from({ length: clients }, async (_, i) => {
    while (!over.signal.aborted) {
      answers.push(await (i === CLIENTS - 1 ? getOver(session, host) : get(host, agent)))
      await sleep(5)
    }
  })
  return {
    answers,
    async stop() {
      over.abort()
      await Promise.all(all)
      agent.destroy()
      session.destroy()
    },
  }
}

async function deploy(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await weaver('deploy', '--detach', ...(args.length === 0 ? ['weaver.toml'] : args))
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('goes on') })
  return / ([0-9a-f-]{36}) /.exec(stdout)?.[1] ?? ''
}

const markOf = (name: string): { readonly pid: number; readonly port: number } =>
  JSON.parse(readFileSync(join(state, 'weaver/gke-local', name), 'utf8')) as { readonly pid: number; readonly port: number } // as the process wrote it
const pidsOf = ({ versions }: AppView): readonly number[] =>
  versions.flatMap(({ copies }) =>
    Object.values(copies).flatMap(({ pid, groups }) => [
      pid,
      ...groups.flatMap(({ replicas }) => replicas.flatMap((one) => one.pid ?? [])),
    ]),
  )

it('the tour: v1 and v2 under load over two regions, a platform that is killed, two applications, a v3 that crashes, rollback, kill', async () => {
  expect(await weaver('status')).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('no application runs') })

  // v1, with its log until Ctrl-C; and another application, whose command wants to start a platform
  // at the same time
  writeFileSync(join(folder, 'live.mjs'), LIVE_MODULE)
  toml({ env: live('one') })
  toml({ name: 'other', host: 'other.com', regions: ['us-west1'], file: 'other.toml' })
  const other = deploy('other.toml', '--port', String(port))
  const first = startWeaver(['gke-local', 'deploy', 'weaver.toml', '--port', String(port)], { cwd: folder, env: env() })
  await eventually('v1', () => (first.stderr().includes('runs in the background') || first.stderr().includes('error') ? true : undefined))
  first.interrupt()
  const { code, stdout, stderr } = await first.done
  expect({ code, stdout, stderr: code === 0 ? '' : stderr }).toEqual({
    stderr: '',
    code: 0,
    stdout: expect.stringMatching(/^version [0-9a-f-]{36} of "httpserver" has started in us-west1, us-east1 /),
  })
  const v1 = /version ([0-9a-f]{8})/.exec(stdout)?.[1] ?? ''
  expect(stderr).toContain(`curl --header 'Host: ${HOST}' http://localhost:${port}\n`)
  expect(stderr).toContain(`weaver gke-local logs --follow 'version == "${v1}"'`)
  const listening = await weaver('logs', '--system', `version == "${v1}" && msg == "listening"`)
  expect(listening.stdout.match(/listening/g)).toHaveLength(2)

  await other

  // the dashboard shows each copy, with the requests that it has had
  const dashboard = await openDashboard('gke-local', { cwd: folder, env: env() })
  const copies = (await dashboard.get('deployments')) as readonly {
    readonly key: string
    readonly app: string
    readonly location: string
  }[]
  expect(copies.map((copy) => `${copy.app} ${copy.location}`).sort()).toEqual([
    'httpserver us-east1',
    'httpserver us-west1',
    'other us-west1',
  ])
  const detail = await dashboard.get(`deployments/${copies[0]?.key ?? ''}`)
  expect(detail).toMatchObject({ deployment: { groups: expect.arrayContaining([expect.objectContaining({ name: 'main' })]) } })
  expect(await dashboard.close()).toBe(0)

  // a third application, which wants a host of the first
  toml({ name: 'third', host: HOST })
  expect(await weaver('deploy', 'weaver.toml')).toEqual(anError(1, 'WEAVER_CLI_REFUSED', 'host "localhost" is that of "httpserver"'))

  // v2 under load
  const load = startLoad(HOST, CLIENTS)
  const otherLoad = startLoad('other.com', 1)
  const old = await openLive(`ws://${HOST}:${port}/live`)
  expect(await old.ask()).toBe('one')
  toml({ env: live('two') })
  const v2 = (await deploy()).slice(0, 8)
  const weight = async (percent: number): Promise<AppView> =>
    eventually(`${percent} % of v2`, async () => {
      const view = await app()
      const shares = view.traffic.filter(({ location, deploymentId }) => location === 'us-west1' && deploymentId.startsWith(v2))
      return shares.some(({ fraction }) => fraction * 200 >= percent) ? view : undefined
    })
  await weight(50)
  const table = (await weaver('status')).stdout.replaceAll(/ {2,}/g, '  ')
  for (const line of [
    /^DEPLOYMENTS\nAPP  DEPLOYMENT  AGE  STATUS\n/,
    /\nhttpserver  [0-9a-f-]{36}  \d+[sm]  ACTIVE\nhttpserver  [0-9a-f-]{36}  \d+[sm]  ROLLING_OUT\n/,
    /\nAPP  DEPLOYMENT  LOCATION  COMPONENT  HEALTHY\n/,
    new RegExp(`\nhttpserver  ${v2}  us-east1  httpserver/Reverser  1/1\n`),
    /\nHOST  VISIBILITY  APP  DEPLOYMENT  LOCATION  ADDRESS  TRAFFIC FRACTION\n/,
    new RegExp(`\n${HOST}  public  httpserver  ${v1}  us-east1  127.0.0.1:\\d+  0.5\n`),
    new RegExp(`\nROLLOUT OF httpserver\nTIME  us-west1 ${v1}  us-west1 ${v2}  us-east1 ${v1}  us-east1 ${v2}\n`),
    /\nus-east1: Paused, waiting for us-west1 to have the new version\n/,
  ])
    expect(table).toMatch(line)

  // without a platform it is served as before; the next command brings one that goes on
  process.kill(markOf('platform.json').pid, 'SIGKILL')
  const served = load.answers.length
  await eventually('answers without a platform', () => (load.answers.length > served + 50 ? true : undefined))
  expect((await weaver('status')).stderr).toContain('started again')

  // a WebSocket stays with its version as long as that drains, and that as long as it is open
  await eventually('all traffic to go to v2', async () => {
    const { traffic } = await app()
    const of2 = traffic.filter(({ deploymentId }) => deploymentId.startsWith(v2)).map(({ fraction }) => fraction)
    return of2.reduce((sum, fraction) => sum + fraction, 0) > 0.99 ? true : undefined
  })
  const young = await openLive(`ws://${HOST}:${port}/live`)
  expect([await old.ask(), await young.ask()]).toEqual(['one', 'two'])
  expect((await app()).versions.map(({ deploymentId }) => deploymentId.slice(0, 8))).toEqual([v1, v2])
  old.close()
  young.close()
  const arrived = await eventually('v2 alone', async () => {
    const view = await app()
    return view.versions.length === 1 && view.versions[0]?.status === 'ACTIVE' && view.rollout.projected.length === 0 ? view : undefined
  })
  await load.stop()
  await otherLoad.stop()
  expect(arrived.versions[0]?.deploymentId).toContain(v2)

  const failed = [...load.answers, ...otherLoad.answers].filter(({ problem }) => problem !== undefined)
  const mixed = [...load.answers, ...otherLoad.answers].filter(({ versions }) => new Set(versions).size > 1)
  expect({ failed, mixed }).toEqual({ failed: [], mixed: [] })
  expect(otherLoad.answers.some(({ versions }) => versions.includes(v1) || versions.includes(v2))).toBe(false)
  const { history } = arrived.rollout
  const steps = history.flatMap(({ kind, region, message, at }) =>
    kind === 'StepStarted' ? [{ region, weight: Number(/(\d+) %/.exec(message)?.[1]), at: Date.parse(at) }] : [],
  )
  expect(steps.map(({ region, weight: percent }) => `${region} ${percent}`)).toEqual(
    ['us-west1', 'us-east1'].flatMap((region) => [10, 25, 50, 75, 100].map((percent) => `${region} ${percent}`)),
  )
  steps.forEach(({ region, weight: percent, at }, i) => {
    // From when it is surely in force to when the next may be; requests of which nobody knows on
    // which side they were are left out.
    const end = steps[i + 1]?.at ?? Date.parse(history.find(({ kind, version }) => kind === 'Promoted' && version.startsWith(v2))?.at ?? '')
    const within = load.answers.filter((answer) => answer.at > at + 500 && answer.at < end - 100)
    const share = region === 'us-west1' ? percent / 200 : 0.5 + percent / 200
    const of2 = within.filter(({ versions }) => versions[0] === v2).length
    expect(Math.abs(of2 - share * within.length)).toBeLessThanOrEqual(0.02 * within.length + CLIENTS + 2)
  })

  // the load balancer is started again, at its port
  process.kill(markOf('balancer.json').pid, 'SIGKILL')
  await Promise.all([old.closed, young.closed])
  const agent = new Agent()
  await eventually('the load balancer to be back', async () => ((await get(HOST, agent)).problem === undefined ? true : undefined))

  // v3 crashes: it is given up by itself
  writeFileSync(join(folder, 'crash.mjs'), `if (process.env.WEAVER_BOOTSTRAP) { console.error('no database'); process.exit(3) }`)
  // A busy machine may not get as far as the crash before a short deadline.
  for (let deadline = 4; ; deadline *= 2) {
    toml({ env: [`NODE_OPTIONS=--import=file://${join(folder, 'crash.mjs')}`], deadline })
    const failed = await weaver('deploy', 'weaver.toml')
    expect(failed).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`no progress within ${deadline} s (gke.progress_deadline): `),
    })
    expect(failed.stderr).toContain('error WEAVER_CLI_ROLLOUT_FAILED: version ')
    if (/exited with code 3.*no database; version "[0-9a-f]{8}" has all traffic\n$/.test(failed.stderr)) break
    if (deadline > WAIT_MS / 1_000) throw new Error(failed.stderr)
  }
  const { rollout, versions } = await eventually('v3 to be gone', async () => {
    const view = await app()
    return view.versions.every(({ status, copies }) => (status === 'FAILED') === (Object.keys(copies).length === 0)) ? view : undefined
  })
  expect(versions.map(({ status }) => status)).toEqual(['ACTIVE', 'FAILED'])
  expect(rollout.failure).toMatchObject({ region: 'us-west1', message: expect.stringContaining('no database') })
  expect((await weaver('logs', '--all', 'level == "error"')).stdout).toContain('no database')
  expect((await get(HOST, agent)).versions).toEqual([v2, v2, v2])

  // its reason is gone: it is tried again by the engine's own verbs, and given up by a user
  writeFileSync(join(folder, 'crash.mjs'), '')
  const v3 = (versions[1]?.deploymentId ?? '').slice(0, 8)
  expect(await weaver('retry', 'httpserver', '-m', 'the database is back')).toMatchObject({
    code: 0,
    stdout: `httpserver: ${v3} is tried again\n`,
  })
  expect(JSON.parse((await weaver('pause', 'httpserver', '-m', 'lunch', '--json')).stdout)).toEqual({ app: 'httpserver', verb: 'pause', version: versions[1]?.deploymentId, note: 'lunch' }) // prettier-ignore
  const paused = await eventually('v3 to be ready, and paused', async () => {
    const view = await app()
    return view.rollout.regions['us-west1']?.waitingFor?.startsWith('resume') === true ? view.rollout : undefined
  })
  expect(paused).toMatchObject({ isPaused: true, regions: { 'us-west1': { phase: 'Paused', waitingFor: 'resume or promote: a user paused the rollout (lunch)' } } }) // prettier-ignore
  expect(paused.history.map(({ message }) => message)).toContainEqual(expect.stringContaining('(the database is back)'))
  expect((await weaver('abort', 'httpserver')).stdout).toContain(`${v3} is given up; all traffic goes back to ${v2}`)

  // told to end, the platform goes without a word to anybody; what runs goes on, and the next
  // command brings another
  const told = markOf('platform.json').pid
  process.kill(told, 'SIGTERM')
  await eventually('the platform to have ended', () => (isAlive(told) ? undefined : true))
  expect((await get(HOST, agent)).versions).toEqual([v2, v2, v2])
  expect((await weaver('status')).stderr).toContain('started again')
  await eventually('v3 to have ended', async () => ((await app()).versions.every(({ status, copies }) => status === 'ACTIVE' || Object.keys(copies).length === 0) ? true : undefined)) // prettier-ignore

  // back to v1, of which nothing has run meanwhile
  expect(await weaver('promote', 'httpserver')).toEqual(anError(1, 'WEAVER_CLI_REFUSED', 'no rollout of "httpserver" is under way'))
  expect(await weaver('rollback')).toEqual(anError(1, 'WEAVER_CLI_NOT_RUNNING', 'name the one that is meant'))
  expect((await weaver('rollback', 'httpserver')).stdout).toContain(`back to ${v1}`)
  const back = await eventually('v1', async () => {
    const view = await app()
    const [only, ...others] = view.versions as [VersionView, ...VersionView[]]
    return others.length === 0 && only.status === 'ACTIVE' && only.deploymentId.startsWith(v1) ? view : undefined
  })
  expect((await get(HOST, agent)).versions).toEqual([v1, v1, v1])
  const families = JSON.parse((await weaver('metrics', 'httpserver', '--json')).stdout) as readonly { readonly versionId: string }[]
  expect(families.map(({ versionId }) => versionId)).toEqual(Array.from({ length: 3 * 2 }, () => v1))

  // one application ends, which its WebSockets are told ("going away"), and with the last one
  // everything
  const { closed, ask } = await openLive(`ws://${HOST}:${port}/live`)
  expect(await ask()).toBe('one')
  expect(await weaver('kill', 'httpserver')).toEqual(anError(1, 'WEAVER_CLI_DECLINED', '--yes'))
  expect(await weaver('kill', 'httpserver', '--yes')).toEqual({ code: 0, stdout: 'ended: httpserver\n', stderr: '' })
  expect(await closed).toBe(1001)
  expect(pidsOf(back).filter(isAlive)).toEqual([])
  expect((await get('other.com', agent)).problem).toBeUndefined()
  const platform = markOf('platform.json').pid
  expect((await weaver('kill', 'other', '--yes')).code).toBe(0)
  await eventually('the end of the platform', () => !isAlive(platform))
  for (const left of ['apps', 'builds', 'hosts', 'versions']) expect(readdirSync(join(state, 'weaver/gke-local', left))).toEqual([])
  expect(markOf('settings.json').port).toBe(port) // of the next one
  agent.destroy()
}, 900_000)
