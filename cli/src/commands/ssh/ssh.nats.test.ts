/**
 * `weaver ssh …` as a user runs it on examples/httpserver: three machines with networks of their
 * own (testing/ssh-machines.ts), and one deployment for the whole story.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '@weaver/sdk/test-support'
import { buildExample, buildPackage } from '../../../../scripts/build-example.js'
import type { DeploymentView } from '../../deployers/local/deployment-view.js'
import { findNatsServer } from '../../deployers/local/find-nats-server.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'
import { startSshMachines, type SshMachine, type SshMachines } from '../../testing/ssh-machines.js'

const WEAVER = fileURLToPath(new URL('../../../bin/weaver.js', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../../examples/httpserver/dist/main.js', import.meta.url))
const PORT = 12_399

/** Asks all the time, two at once, and prints of each request when it began and what became of it. */
const LOAD = `
const ask = async () => {
  for (;;) {
    const at = Date.now()
    const said = await fetch('http://localhost:${PORT}/signed?text=abc', { signal: AbortSignal.timeout(100_000) })
      .then(async (response) => (response.status === 200 && (await response.json()).text === 'CBA' ? 'ok' : 'status ' + response.status))
      .catch((error) => error.cause?.code ?? error.name)
    console.log(JSON.stringify({ at, said }))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
ask()
ask()`

let world: SshMachines
let folder: string
let text = ''
const children: ChildProcess[] = []
const machine = (name: string): SshMachine => world.machines.find((one) => one.name === name) as SshMachine // the test names those that it has

beforeAll(async () => {
  buildPackage('cli')
  buildExample('httpserver')
  const nats = findNatsServer({ env: process.env, cwd: process.cwd() })
  if (nats.kind !== 'program') throw new Error('no nats-server')
  // What m3 lacks is sent.
  world = await startSshMachines({ m1: [process.execPath, nats.path], m2: [process.execPath, nats.path], m3: [] })
  folder = world.folder
  const toml = (locations: readonly string[]): string =>
    `[serviceweaver]\nname = "httpserver"\nbinary = ${JSON.stringify(MAIN)}\n["weaver/Main"]\ngreeting = "Servus"\n[ssh]\nlocations = ${JSON.stringify(locations)}\nreplicas = 2\nlisteners.lis = { address = "localhost:${PORT}" }\n`
  writeFileSync(join(folder, 'weaver.toml'), toml(['m1', 'm2', 'm3']))
  writeFileSync(join(folder, 'strangers.toml'), toml(['changed', 'unknown']))
  writeFileSync(join(folder, 'twice.toml'), toml(['m1', 'root@m1']))
}, 900_000)
afterAll(async () => {
  for (const child of children) {
    const exit = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    child.kill('SIGKILL')
    await exit
  }
  await world?.close()
})

function start(file: string, args: readonly string[], onText: (chunk: string) => void): ChildProcess {
  const child = world.spawn(file, args, folder)
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onText)
  children.push(child)
  return child
}

const weaver = (line: string): Promise<Ran> => runWeaver(line.split(' '), { cwd: folder, env: world.env })

const until = <T>(what: string, look: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> =>
  eventually(what, look, { withinMs: 240_000, everyMs: 100, soFar: () => text })

const viewNow = async (): Promise<DeploymentView> => (JSON.parse((await weaver('ssh status --json')).stdout) as [DeploymentView])[0]
/** When all replicas are ready, and the machines are in these states. */
async function settled(states: Readonly<Record<string, string>>): Promise<DeploymentView | undefined> {
  const view = await viewNow()
  const isReady = view.groups.every(({ replicas }) => replicas.every((one) => one.state === 'ready'))
  return isReady && (view.machines ?? []).every(({ name, state }) => (states[name] ?? 'connected') === state) ? view : undefined
}
/** Ids of the processes of the application, as the deployer has them. */
const pidsOf = (view: DeploymentView, name?: string): readonly number[] =>
  ascending(
    view.groups.flatMap(({ replicas }) => replicas.flatMap((one) => (name === undefined || one.machine === name ? (one.pid ?? []) : []))),
  )
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended meanwhile
  }
}
/** The same, as the machine has them. */
const weaveletsOn = (name: string): readonly number[] =>
  ascending(
    machine(name)
      .processes()
      .filter((pid) => commandOf(pid).includes('/app/dist/main.js')),
  )
const ascending = (pids: readonly number[]): readonly number[] => [...pids].sort((a, b) => a - b)
/** With its shell there is another process that waits for the end of the agent. */
const brokersOn = (name: string): number =>
  machine(name)
    .processes()
    .filter((pid) => /^[^\0]*nats-server/.test(commandOf(pid))).length

it('runs on three machines; that of the broker reboots, one is cut off; every replica exists once; ends without a trace', async () => {
  // A host key that has changed, or that nobody has seen, is not taken.
  const stranger = start(process.execPath, [WEAVER, 'ssh', 'deploy', 'strangers.toml'], (chunk) => (text += chunk))
  await once(stranger, 'close')
  expect(text).toMatch(
    /error WEAVER_CLI_MACHINE: these machines cannot be used:\nchanged: Host key verification failed\.\nunknown: Host key verification failed\./,
  )
  expect([stranger.exitCode, readdirSync(machine('m1').cache)]).toEqual([1, []])

  // One machine under two names; that the first one is refused is as good. What it has used is none of the next one's.
  text = ''
  const twice = start(
    'env',
    [`XDG_STATE_HOME=${folder}/twice-state`, process.execPath, WEAVER, 'ssh', 'deploy', 'twice.toml'],
    (chunk) => (text += chunk),
  )
  await once(twice, 'close')
  expect(text).toMatch(
    /error WEAVER_CLI_MACHINE: these machines cannot be used:\n(m1: it is the same machine as "root@m1"|root@m1: it is the same machine as "m1"); name it once in \[ssh\] locations/,
  )
  expect(twice.exitCode).toBe(1)
  await until('the agent to end', () => machine('m1').processes().length === 0)

  text = ''
  const deployer = start(process.execPath, [WEAVER, 'ssh', 'deploy', 'weaver.toml'], (chunk) => (text += chunk))
  await until('the deployment', () => {
    if (deployer.exitCode !== null) throw new Error(text)
    return text.includes('ready: 6 processes')
  })
  const programsSent = world.machines.map(({ cache }) =>
    readdirSync(join(cache, 'weaver', 'ssh')).flatMap((name) => /^(node|nats-server)-/.exec(name)?.[1] ?? []),
  )
  expect(programsSent).toEqual([[], [], ['nats-server', 'node']])
  const view = await viewNow()
  for (const { replicas } of view.groups) expect(new Set(replicas.map((one) => one.machine)).size).toBe(2)
  expect(view.broker).toMatch(/^tls:/)
  for (const { name } of world.machines) expect(weaveletsOn(name)).toEqual(pidsOf(view, name))
  // Nothing secret is in an argument, and what is in a file is this user's alone.
  for (const { processes } of world.machines) for (const pid of processes()) expect(commandOf(pid)).not.toMatch(/password|PRIVATE|tls:\/\//)
  const run = join(machine('m1').cache, 'weaver', 'ssh', 'run', `${view.deploymentId}@${hostname().replace(/[^A-Za-z0-9.-]/g, '')}`)
  const modesIn = (path: string, names: readonly string[]): readonly string[] =>
    names.map((name) => `${name} ${(statSync(join(path, name)).mode & 0o777).toString(8)}`)
  expect(modesIn(run, ['.', '..', '../..', 'broker.key', 'broker.pem', 'nats.json'])).toEqual([
    '. 700',
    '.. 700',
    '../.. 700',
    'broker.key 600',
    'broker.pem 600',
    'nats.json 600',
  ])
  const caFile = join(folder, 'state', 'weaver', 'ssh', `${view.deploymentId}.pem`)
  expect(modesIn(dirname(caFile), ['.', basename(caFile)])).toEqual(['. 700', `${basename(caFile)} 600`])
  expect((await weaver('ssh status')).stdout).toMatch(/MACHINES\nAPP +DEPLOYMENT +MACHINE +ADDRESS +STATUS\n(httpserver .* connected\n){3}/)

  const asked: { readonly at: number; readonly said: string }[] = []
  let rest = ''
  start(process.execPath, ['-e', LOAD], (chunk) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    asked.push(...lines.map((line) => JSON.parse(line) as (typeof asked)[number])) // LOAD prints them
  })
  const good = (since: number): number => asked.filter(({ at, said }) => at >= since && said === 'ok').length
  await until('answers', () => good(0) >= 20)
  expect(asked.filter(({ said }) => said !== 'ok')).toEqual([])

  expect(['m1', 'm2', 'm3'].map(brokersOn)).toEqual([1, 0, 0])
  await machine('m1').reboot()
  const after = await until('m1 to be back', async () => {
    const now = await settled({})
    return now !== undefined && pidsOf(view, 'm1').every((pid) => !pidsOf(now).includes(pid)) ? now : undefined
  })
  expect(pidsOf(after)).toHaveLength(6)
  for (const { name } of world.machines) expect(weaveletsOn(name)).toEqual(pidsOf(after, name))
  expect(['m1', 'm2', 'm3'].map(brokersOn).reduce((sum, one) => sum + one)).toBe(1)
  const rebootedAt = Date.now()
  await until('answers after the reboot', () => good(rebootedAt) >= 20)

  // A machine without the broker.
  const [gone = ''] = ['m2', 'm3', 'm1'].filter((name) => brokersOn(name) === 0)
  const cutAt = Date.now()
  machine(gone).cut()
  const lost = await until(`${gone} to be lost`, () => settled({ [gone]: 'lost' }))
  const lostAt = Date.now()
  expect(pidsOf(lost, gone)).toEqual([])
  expect(pidsOf(lost)).toHaveLength(6)
  expect(weaveletsOn(gone)).toEqual([])
  await until('answers without it', () => good(lostAt) >= 20)
  machine(gone).heal()
  const back = await until(`${gone} to be back`, () => settled({}))
  expect(pidsOf(back)).toEqual(ascending(world.machines.flatMap(({ name }) => weaveletsOn(name))))
  expect(pidsOf(back)).toEqual(pidsOf(lost)) // nothing moves back, and nothing runs twice
  // What is lost was inside: it had begun before the machine was given up.
  expect(asked.filter(({ at, said }) => said !== 'ok' && (at > lostAt || (at > rebootedAt && at < cutAt - 1_000)))).toEqual([])

  expect(JSON.parse((await weaver('ssh metrics --json')).stdout)).toHaveLength(6)
  expect((await weaver('ssh logs --all')).stdout).toContain(`machine ${gone} is lost`)
  expect(await weaver('ssh kill --yes')).toMatchObject({ code: 0 })
  await until('the end of the command', () => deployer.exitCode !== null)
  expect(deployer.exitCode).toBe(0)
  await until('the agents to end', () => world.machines.every(({ processes }) => processes().length === 0))
  for (const { cache } of world.machines) expect(readdirSync(join(cache, 'weaver', 'ssh', 'run'))).toEqual([])
  expect(readdirSync(folder).filter((name) => name.startsWith('weaver-ssh-'))).toEqual([]) // of connections
  const purge = start(process.execPath, [WEAVER, 'ssh', 'purge', '--yes'], (chunk) => (text += chunk))
  await once(purge, 'close')
  for (const { name, cache } of world.machines) {
    expect(text).toContain(`deleted on ${name}: ${cache}/weaver/ssh`)
    expect(readdirSync(join(cache, 'weaver'))).toEqual([])
  }
  expect([
    purge.exitCode,
    existsSync(join(folder, 'state', 'weaver', 'ssh')),
    existsSync(join(folder, 'state', 'weaver', 'ssh-machines')),
  ]).toEqual([0, false, false])
}, 900_000)
