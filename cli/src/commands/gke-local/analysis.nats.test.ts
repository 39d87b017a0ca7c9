/**
 * A rollout that analyses itself, as a user sees it: real processes under load, of which those of the
 * new version fail one call in twenty of one method of an inner component.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/deployer'
import { buildExample, buildPackage } from '../../../../scripts/build-example.js'
import type { AppView } from '../../deployers/gke-local/platform-view.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'

const MAIN = fileURLToPath(new URL('../../../../examples/httpserver/dist/main.js', import.meta.url))
const WAIT_MS = 600_000
const CLIENTS = 4
/** Preloaded by the new version; what `/signed?text=abc` asks of httpserver/Converter. */
const FAULT = `
if (process.env.WEAVER_BOOTSTRAP) {
  const { toUpperCase } = String.prototype
  let calls = 0
  String.prototype.toUpperCase = function () {
    if (String(this) === 'cba' && ++calls % 20 === 0) throw new Error('out of letters')
    return toUpperCase.call(this)
  }
}`

let folder: string
let port: number
beforeAll(async () => {
  buildPackage('cli')
  buildExample('httpserver')
  folder = mkdtempSync(join(tmpdir(), 'weaver-gke-'))
  port = await freePort()
}, 900_000)
afterAll(async () => {
  await weaver('purge', '--yes') // of a test that failed half way
  rmSync(folder, { recursive: true, force: true })
})

const weaver = (...args: readonly string[]): Promise<Ran> =>
  runWeaver(['gke-local', ...args], {
    cwd: folder,
    env: { XDG_STATE_HOME: join(folder, 'state'), PATH: process.env['PATH'] ?? '', HOME: folder },
  })
const app = async (): Promise<AppView> => (JSON.parse((await weaver('status', 'httpserver', '--json')).stdout) as [AppView])[0]

/** A step of ten minutes: whatever the machine makes of it, the second one is not reached by time. */
function toml(env: readonly string[]): void {
  writeFileSync(
    join(folder, 'weaver.toml'),
    `[serviceweaver]\nname = "httpserver"\nbinary = ${JSON.stringify(MAIN)}\nrollout = "50m"\nenv = ${JSON.stringify(env)}
[gke]\nreplicas = 1\nprogress_deadline = "10m"\nlisteners.lis = { public_hostname = "hello.com" }
analysis = { initial_delay = "1s", max_latency_factor = 100 }\n`,
  )
}

/** Requests all the time, which may fail: that is what is looked for. */
async function load(over: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const once = (): Promise<void> =>
    new Promise((resolve) =>
      request(
        { port, host: 'localhost', path: '/signed?text=abc', agent, headers: { host: 'hello.com' } },
        (response) =>
        response.on('error', () => resolve()).on('end', resolve).resume(), // prettier-ignore
      )
        .on('error', () => resolve())
        .end(),
    )
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (!over.aborted) await once()
    }),
  )
  agent.destroy()
}

it('a version that fails one call in twenty of an inner method is given up by itself before 25 %, and the method is named', async () => {
  toml([])
  expect(await weaver('deploy', '--detach', 'weaver.toml', '--port', String(port))).toMatchObject({ code: 0 })
  writeFileSync(join(folder, 'fault.mjs'), FAULT)
  toml([`NODE_OPTIONS=--import=file://${join(folder, 'fault.mjs')}`])
  const over = new AbortController()
  const loaded = load(over.signal)
  try {
    expect(await weaver('deploy', '--detach', 'weaver.toml')).toMatchObject({ code: 0 })
    let view = await app()
    for (const limit = Date.now() + WAIT_MS; view.rollout.failure === undefined && Date.now() < limit; view = await app())
      await sleep(1_000)
    const { failure, history } = view.rollout
    expect(failure?.message).toMatch(
      /^version "[0-9a-f]{8}" failed: component "httpserver\/Converter", method "convert": [\d.]+ % of calls fail, in the active version 0 % \(\d+ and \d+ calls\); version "[0-9a-f]{8}" has all traffic$/,
    )
    expect(history.flatMap(({ kind, message }) => (kind === 'StepStarted' ? (/(\d+) %/.exec(message)?.[1] ?? '') : []))).toEqual(['10'])
  } finally {
    over.abort()
    await loaded
  }
  expect((await weaver('kill', 'httpserver', '--yes')).code).toBe(0)
}, 1_800_000)
