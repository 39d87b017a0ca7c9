/**
 * `weaver single …` as a user runs it, in a real process each: one deploys a small application over
 * the SDK, others ask it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/deployer'
import type { CpuProfile } from '@weaver/sdk/contract'
import { eventually } from '@weaver/sdk/test-support'
import { isRunning } from '../../deployers/local/process-start.js'
import { listDeployment } from '../../deployers/local/running-deployments.js'
import { anError } from '../../testing/an-error.js'
import { runWeaver, startWeaver, type Ran } from '../../testing/run-weaver.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const MAIN = fileURLToPath(new URL('testdata/single-app.mjs', import.meta.url))
let folder: string
let state: string
const children: ChildProcess[] = []
const commands: ReturnType<typeof startWeaver>[] = []
beforeAll(async () => {
  // The application runs over what is built. Incremental: nothing to do where that is up to date.
  const build = spawn(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', join(ROOT, 'cli')], { stdio: 'inherit' })
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error('cli does not build')
}, 900_000)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-single-'))
  state = join(folder, 'state')
})
afterEach(async () => {
  // Of a test that failed half way. Twice: the second kills what does not end.
  for (const { interrupt, done } of commands.splice(0)) {
    interrupt()
    interrupt()
    await done
  }
  for (const child of children.splice(0)) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  rmSync(folder, { recursive: true, force: true })
})

const env = (): Record<string, string> => ({ XDG_STATE_HOME: state, PATH: process.env['PATH'] ?? '', HOME: folder })
const weaver = (line: string): Promise<Ran> => runWeaver(line.split(' '), { cwd: folder, env: env() })
const start = (line: string): ReturnType<typeof startWeaver> => {
  const command = startWeaver(line.split(' '), { cwd: folder, env: env() })
  commands.push(command)
  return command
}

/** As `status --json` has it. */
interface Status {
  readonly pid: number
  readonly listeners: { readonly lis: { readonly port: number } }
}

function toml(name: string, more = ''): string {
  const path = join(folder, `${name}.toml`)
  writeFileSync(path, `[serviceweaver]\nname = "${name}"\nbinary = ${JSON.stringify(MAIN)}\n${more}`)
  return path
}

/** `weaver single deploy` of this process' sources. */
async function deploy(name = 'shop', more = ''): Promise<ReturnType<typeof start>> {
  const running = start(`single deploy ${toml(name, more)}`)
  await eventually('the start', () => (running.stderr().includes('listening') ? true : undefined))
  return running
}

describe('weaver single', () => {
  it('deploy prints the log for people, passes stdout on, and ends with the code of the application', async () => {
    const running = await deploy()
    running.interrupt()
    const { code, stdout, stderr } = await running.done
    expect(code).toBe(0)
    expect(stdout).toBe('plain line on stdout\nno line end')
    expect(stderr).toMatch(/app +: shop/)
    expect(stderr).toMatch(/ I weaver\/Main .*│ order placed {2}sku=tea\n/)
    expect(stderr).toContain('plain line on stderr\n\nafter a blank one\n')
    expect(stderr).not.toContain('{"ts"')
  }, 300_000)

  it('status, metrics and profile ask the application that runs; nothing is left when it has ended', async () => {
    expect(await weaver('single status')).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('no application runs') })
    expect(await weaver('single metrics')).toEqual(anError(1, 'no application runs on this machine', 'weaver single deploy'))
    const running = await deploy()
    const table = await eventually('readiness', async () => {
      const { stdout } = await weaver('single status')
      return stdout.includes(' ready ') ? stdout : undefined
    })
    expect(table).toMatch(/^APP +DEPLOYMENT +PID +AGE +STATE +LISTENERS\nshop +[0-9a-f]{8} +\d+ +\d+s +ready +lis=\S+:\d+\n$/)
    const [status] = JSON.parse((await weaver('single status shop --json')).stdout) as Record<string, unknown>[]
    expect(status).toMatchObject({
      app: 'shop',
      ready: true,
      draining: false,
      inFlight: 0,
      listeners: { lis: { port: expect.any(Number) } },
    })

    const metrics = await weaver('single metrics --match ^shop_')
    expect(metrics.stdout).toMatch(/^METRIC +LABELS +VALUE\nshop_orders_total +kind=gift +2\n$/)
    const [families] = JSON.parse((await weaver('single metrics shop --json')).stdout) as { families: { name: string }[] }[]
    expect(families?.families.map(({ name }) => name)).toContain('shop_orders_total')
    expect(await weaver('single metrics --match (')).toEqual(anError(2, '--match "("'))

    const profile = await weaver('single profile --duration 1s --output busy.cpuprofile')
    expect(profile).toMatchObject({ code: 0, stdout: `${join(folder, 'busy.cpuprofile')}\n` })
    const { nodes, samples } = JSON.parse(readFileSync(join(folder, 'busy.cpuprofile'), 'utf8')) as CpuProfile
    expect(samples.length).toBeGreaterThan(0)
    expect(nodes.length).toBeGreaterThan(1)
    expect((await weaver('single profile --type heap --duration 1s --output a.heapprofile')).code).toBe(0)
    expect(JSON.parse(readFileSync(join(folder, 'a.heapprofile'), 'utf8'))).toHaveProperty('head.children')
    for (const duration of ['0s', '1h', 'soon'])
      expect(await weaver(`single profile --duration ${duration}`)).toEqual(anError(2, `--duration "${duration}"`))

    const [first, second] = await Promise.all(['one', 'two'].map((name) => weaver(`single profile --duration 1s --output ${name}`)))
    expect([first?.code, second?.code].sort()).toEqual([0, 1]) // V8 takes one at a time
    expect([first, second].find((ran) => ran?.code === 1)?.stderr).toContain('another profile of this process is being taken')

    running.interrupt()
    await running.done
    expect(readdirSync(join(state, 'weaver/single'))).toEqual([])
    for (const line of ['single status shop', 'single status shop --json'])
      expect(await weaver(line)).toEqual(anError(1, 'error WEAVER_CLI_NOT_RUNNING: "shop" does not run on this machine'))
  }, 300_000)

  it('several applications are told apart', async () => {
    const both = [await deploy('shop'), await deploy('bank')]
    expect(await weaver('single metrics')).toEqual(anError(1, '"shop" and "bank" run on this machine', 'name the one'))
    expect((await weaver('single metrics bank')).code).toBe(0)
    expect(await weaver('single profile till')).toEqual(anError(1, '"till" does not run', '"shop", "bank" do'))
    for (const one of both) one.interrupt()
    for (const one of both) await one.done
  }, 300_000)

  it('kill ends what runs as Ctrl-C would, and purge deletes what was kept', async () => {
    const running = await deploy()
    expect(await weaver('single kill')).toEqual(anError(1, 'WEAVER_CLI_DECLINED', '--yes'))
    expect(await weaver('single kill --yes')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^ended: [0-9a-f]{8} of shop\n$/),
      stderr: '',
    })
    expect((await running.done).code).toBe(0)
    const again = await deploy()
    expect((await weaver('single purge --yes')).code).toBe(0)
    expect((await again.done).code).toBe(0)
    expect(existsSync(join(state, 'weaver/single')) || existsSync(join(state, 'weaver/logs'))).toBe(false)
  }, 300_000)

  it('an address that another deployment has is told before anything is started, and whose it is', async () => {
    const running = await deploy('shop', `[single]\nlisteners.lis = { address = "localhost:${await freePort()}" }\n`)
    const [{ pid, listeners }] = JSON.parse((await weaver('single status --json')).stdout) as [Status]
    const second = await weaver('single deploy shop.toml')
    const address = `localhost:${listeners.lis.port}`
    expect(second).toEqual(
      anError(
        1,
        `error WEAVER_CLI_PORT_IN_USE: listener "lis" cannot listen on ${address}`,
        `"shop" of another \`weaver single deploy\` (process ${pid})`,
      ),
    )
    expect(second.stderr).not.toContain('deployment :')
    running.interrupt()
    await running.done
  }, 300_000)

  it('an application that ends by itself is told, by code or signal, and the command ends with that', async () => {
    const running = await deploy()
    const [{ pid }] = JSON.parse((await weaver('single status --json')).stdout) as [Status]
    process.kill(pid, 'SIGKILL')
    const { code, stderr } = await running.done
    expect(code).toBe(128 + 9)
    expect(stderr).toMatch(
      /error WEAVER_CLI_DEPLOYMENT_ENDED: "shop" \(process \d+\) was killed by SIGKILL .*; it said last:\n(.*\n){1,5}$/,
    )
    expect(stderr.slice(stderr.indexOf('it said last'))).toContain('listening')

    writeFileSync(join(folder, 'ends.mjs'), 'console.error("no database"); process.exitCode = 3\n')
    writeFileSync(join(folder, 'weaver.toml'), '[serviceweaver]\nbinary = "ends.mjs"\n')
    expect(await weaver('single deploy weaver.toml')).toEqual({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /\nno database\nerror WEAVER_CLI_DEPLOYMENT_ENDED: "ends" \(process \d+\) exited with code 3; what it said last is above\n$/,
      ),
    })
  }, 300_000)

  it('a command that was killed, or that nobody reads, takes its application along, which answers what is in flight', async () => {
    for (const end of ['SIGKILL', 'unread'] as const) {
      const child = spawn(process.execPath, [join(ROOT, 'cli/bin/weaver.js'), 'single', 'deploy', toml('shop')], { env: env() })
      children.push(child)
      const exited = once(child, 'exit')
      child.stderr.resume()
      child.stdout.resume()
      const { pid, listeners } = await eventually('readiness', async () => {
        const [status] = JSON.parse((await weaver('single status --json')).stdout) as Partial<Status>[]
        return status?.listeners?.lis === undefined ? undefined : (status as Status)
      })
      const answer = fetch(`http://localhost:${listeners.lis.port}/wait`)
      await eventually('the request', async () =>
        (await weaver('single logs --tail 1')).stdout.includes('a request waits') ? true : undefined,
      )
      if (end === 'SIGKILL') child.kill('SIGKILL')
      else {
        for (const stream of [child.stdout, child.stderr]) stream.destroy()
        await fetch(`http://localhost:${listeners.lis.port}/say`)
      }
      expect(await (await answer).text()).toBe('late')
      await exited
      if (end === 'unread') expect(child.exitCode).toBe(141)
      await eventually('the end of the application', () => (isRunning({ pid }) ? undefined : true))
      await eventually('the list to be empty', async () => ((await weaver('single status')).stdout === '' ? true : undefined))
      expect(readdirSync(join(state, 'weaver/single'))).toEqual([])
    }
  }, 300_000)
})

describe('weaver single logs', () => {
  it('prints what was kept, of the newest deployment: entries of components and lines past the logger, by query, as JSON', async () => {
    expect(await weaver('single logs')).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('no log is kept') })
    for (let i = 0; i < 2; i++) {
      const running = await deploy()
      running.interrupt()
      await running.done
    }
    const { stdout, stderr } = await weaver('single logs shop')
    expect(stderr).toMatch(/^"shop" does not run; this is the log of its last deployment, [0-9a-f]{8}, of 20\S+Z\n$/)
    expect(stdout.match(/order placed/g)).toHaveLength(1)
    for (const line of ['plain line on stdout', 'no line end', 'plain line on stderr']) expect(stdout).toContain(`│ ${line}\n`)
    expect(stdout).not.toContain('listening')
    expect((await weaver('single logs --system')).stdout).toContain('listening')
    expect((await weaver('single logs --all')).stdout.match(/order placed/g)).toHaveLength(2)
    const query = 'single logs --json --query attrs["sku"]=="tea"'
    const [entry, ...more] = (await weaver(query)).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(more).toEqual([])
    expect(entry).toMatchObject({ level: 'info', msg: 'order placed', app: 'shop', component: 'weaver/Main', group: 'main', sku: 'tea' })
    expect(entry).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{8}$/),
      deploymentId: expect.any(String),
      replica: expect.any(String),
    })
    expect((await weaver('single logs --tail 1')).stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(await weaver('single logs --query levl=="info"')).toEqual(anError(2, 'Unknown variable: levl', 'did you mean level?'))
    expect(await weaver('single logs --tail x')).toEqual(anError(2, '--tail "x"'))
    // One that runs and has written nothing yet, by a clock that was set back since.
    const now = {
      version: 1,
      app: 'shop',
      deploymentId: 'abcdef0123',
      pid: process.pid,
      startedAt: 1,
      config: '',
      controlSocket: join(state, 'no.sock'),
    } as const
    const unlist = listDeployment(join(state, 'weaver/single'), now)
    expect(await weaver('single logs shop')).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('"shop" (abcdef01) runs, and has logged nothing yet'),
    })
    unlist()
    expect(await weaver('single logs other')).toEqual(anError(1, 'error WEAVER_CLI_NOT_RUNNING: no log is kept of "other"'))
  }, 300_000)

  it('follows a deployment that is yet to come', async () => {
    const following = start('single logs shop --follow --json')
    const running = await deploy()
    running.interrupt()
    await running.done
    await eventually('the line', () => (following.stdout().includes('order placed') ? true : undefined))
    following.interrupt()
    expect((await following.done).code).toBe(0)
  }, 300_000)
})
