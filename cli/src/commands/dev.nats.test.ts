/**
 * `weaver dev` as a user runs it on what `weaver init` writes: real processes, a real broker, edits
 * under load.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/deployer'
import { eventually, isAlive } from '@weaver/sdk/test-support'
import { buildPackage } from '../../../scripts/build-example.js'
import type { DeploymentView } from '../deployers/local/deployment-view.js'
import { runWeaver } from '../testing/run-weaver.js'

const WEAVER = fileURLToPath(new URL('../../bin/weaver.js', import.meta.url))
const INSTALLED = fileURLToPath(new URL('../../../node_modules', import.meta.url))
/** Of anything that is waited for: a busy machine takes its time. */
const WAIT_MS = 300_000

let root: string
let folder: string
let port: number
let dev: { readonly child: ChildProcess; readonly exited: Promise<unknown>; text: string } | undefined
beforeAll(() => buildPackage('cli'), 900_000)
beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'weaver-dev-')))
  folder = join(root, 'shop')
  port = await freePort()
  expect((await runWeaver(['init', 'shop'], { cwd: root, env: env() })).code).toBe(0)
  symlinkSync(INSTALLED, join(folder, 'node_modules'))
  edit('weaver.toml', (text) => `${text.replaceAll('8080', String(port))}replicas = 1\n`)
})
afterEach(async () => {
  // Of a test that failed half way: its processes end with their deployer.
  dev?.child.kill('SIGKILL')
  await dev?.exited
  dev = undefined
  expect((await weaver('multi purge --yes')).code).toBe(0)
  rmSync(root, { recursive: true, force: true })
})

const env = (): Record<string, string> => ({ XDG_STATE_HOME: join(root, 'state'), PATH: process.env['PATH'] ?? '', HOME: root })
const weaver = (line: string) => runWeaver(line.split(' '), { cwd: folder, env: env() })
const views = async (): Promise<readonly DeploymentView[]> => JSON.parse((await weaver('multi status --json')).stdout) as DeploymentView[]

/** As editors do: a new file takes the place of the old one. */
function edit(file: string, change: (text: string) => string): void {
  const path = join(folder, file)
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(`${path}.new~`, after)
  renameSync(`${path}.new~`, path)
}

const until = <T>(what: string, look: () => T | Promise<T>) =>
  eventually(what, look, {
    withinMs: WAIT_MS,
    everyMs: 50,
    soFar: () => dev?.text,
    goesOn() {
      if (dev?.child.exitCode !== null) throw new Error(`ended while waiting for ${what}:\n${dev?.text}`)
    },
  })
const said = (text: string): Promise<true> => until(`"${text}"`, () => (dev?.text.includes(text) === true ? true : undefined))

function start(args: readonly string[], more: Readonly<Record<string, string>> = {}): void {
  const child = spawn(process.execPath, [WEAVER, 'dev', ...args], { cwd: folder, env: { ...env(), ...more } })
  const started = { child, exited: once(child, 'exit'), text: '' }
  dev = started
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (started.text += text))
}

const get = async (): Promise<string> => {
  const response = await fetch(`http://localhost:${port}/?name=Ada`)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return response.text()
}
const answers = (pattern: RegExp): Promise<string> =>
  until(String(pattern), async () => {
    const text = await get().catch(() => '')
    return pattern.test(text) ? text : undefined
  })

/** By the name of the group, of processes that are ready, once nothing ends any more. */
const pids = (): Promise<Readonly<Record<string, readonly number[]>>> =>
  until('one deployment that is ready', async () => {
    const [view, ...others] = await views()
    const replicas = view?.groups.flatMap((group) => group.replicas) ?? []
    if (view?.state !== 'ready' || others.length > 0 || replicas.some(({ state }) => state !== 'ready')) return undefined
    return Object.fromEntries(view.groups.map((group) => [group.name, group.replicas.flatMap(({ pid }) => pid ?? [])]))
  })

/** One request after the other until it is stopped. */
function startLoad(): { stop(): Promise<readonly unknown[]> } {
  const failures: unknown[] = []
  const over = new AbortController()
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await get().catch((error: unknown) => failures.push(error))
      await sleep(5)
    }
  }
  const clients = [client(), client()]
  return {
    async stop() {
      over.abort()
      await Promise.all(clients)
      return failures
    },
  }
}

it('many processes: an edit restarts the groups that it concerns, mistakes stop nothing, no request is lost', async () => {
  start([])
  await answers(/^Hello, Ada! Visit \d+\.\n$/)
  await said('3 processes are ready')
  const first = await pids()
  expect(Object.keys(first).sort()).toEqual(['greeter', 'main', 'visits'])
  const load = startLoad()

  // what one component does
  edit('src/greeter.ts', (text) => text.replace('Visit ${', 'Call ${'))
  await answers(/Call \d+/)
  await said('restarted greeter; 2 other processes untouched')
  const second = await pids()
  expect(second).toEqual({ ...first, greeter: [expect.any(Number)] })
  expect(second['greeter']).not.toEqual(first['greeter'])

  // mistakes, of types and at the start: what ran goes on
  edit('src/visits.ts', (text) => text.replace('return visit\n', "return 'visit'\n"))
  await said("src/visits.ts(16,5): error TS2322: Type 'string' is not assignable to type 'number'.")
  await said('what ran before goes on; waiting for the next edit')
  edit('src/visits.ts', (text) => text.replace("return 'visit'\n", 'return visit\n').replace('new Map<string, number>()', 'broken()') + "function broken(): Map<string, number> {\n  throw new Error('cannot start')\n}\n") // prettier-ignore
  await said('of group "visits" exited with code 1 before it was ready')
  await answers(/Call \d+/)
  expect(await pids()).toEqual(second)
  edit('src/visits.ts', (text) => text.replace("throw new Error('cannot start')", 'return new Map([["Ada", 1000]])'))
  await answers(/Call 1\d\d\d/)
  const third = await pids()
  expect(third).toEqual({ ...second, visits: [expect.any(Number)] })

  // configuration of a component
  edit('weaver.toml', (text) => text.replace('"Hello"', '"Servus"'))
  await answers(/^Servus/)
  const fourth = await pids()
  expect(fourth).toEqual({ ...third, greeter: [expect.any(Number)] })
  expect(fourth['greeter']).not.toEqual(third['greeter'])

  // an interface, and a new component in a new file: a second copy takes over
  writeFileSync(join(folder, 'src/clock.ts'), CLOCK)
  edit('src/greeter.ts', (text) =>
    text
      .replace("import { Visits }", "import { Clock } from './clock.js'\nimport { Visits }")
      .replace('ref(Visits)', 'ref(Visits)\n  readonly clock = ref(Clock)')
      .replace('}. Call', '}. It is ${await this.clock.hour()}. Call')
      .replace('! Call', '! It is ${await this.clock.hour()}. Call'),
  ) // prettier-ignore
  await answers(/It is twelve\. Call/)
  const fifth = await pids()
  expect(Object.keys(fifth).sort()).toEqual(['clock', 'greeter', 'main', 'visits'])
  expect(Object.values(fifth).flat().filter((pid) => Object.values(fourth).flat().includes(pid))).toEqual([]) // prettier-ignore
  expect(await load.stop()).toEqual([])

  dev?.child.kill('SIGINT')
  await dev?.exited
  expect({ code: dev?.child.exitCode, said: dev?.text }).toMatchObject({ code: 0 })
  expect(Object.values(fifth).flat().filter(isAlive)).toEqual([])
  expect((await weaver('multi status')).stderr).toContain('no application runs')
}, 1_800_000)

const CLOCK = `import { component, implement } from '@weaver/sdk'

export interface Clock {
  hour(): Promise<string>
}
export const Clock = component<Clock>('shop/Clock')

class ClockImpl implements Clock {
  async hour(): Promise<string> {
    return 'twelve'
  }
}
export const clockImpl = implement(Clock, ClockImpl)
`

it('one process, where there is no nats-server: it starts again after an edit, also when it had ended', async () => {
  edit('src/main.ts', (text) => `throw new Error('not yet')\n${text}`)
  start([], { PATH: '/nowhere' })
  await said('there is no nats-server, so everything runs in one process')
  await said('the application has ended; the next edit starts it again')
  edit('src/main.ts', (text) => text.replace("throw new Error('not yet')\n", ''))
  await answers(/^Hello, Ada! Visit \d+/)
  edit('src/greeter.ts', (text) => text.replace('Visit ${', 'Call ${'))
  await answers(/Call 1/)
  edit('src/greeter.ts', (text) => `// a comment\n${text}`)
  await said('src/greeter.ts: nothing that runs is other than before')
  await answers(/Call 3/)
  dev?.child.kill('SIGTERM')
  await dev?.exited
  expect({ code: dev?.child.exitCode, said: dev?.text }).toMatchObject({ code: 0 })
  await expect(get()).rejects.toThrow('fetch failed')
}, 900_000)
