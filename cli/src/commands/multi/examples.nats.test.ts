/**
 * Every example under `weaver multi`: Main in one process, all other components in another. Of two
 * others: httpserver is the application of multi.nats.test.ts, probe that of the conformance suite.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildExample, buildPackage } from '../../../../scripts/build-example.js'
import type { DeploymentView } from '../../deployers/local/deployment-view.js'
import { runWeaver } from '../../testing/run-weaver.js'

const WEAVER = fileURLToPath(new URL('../../../bin/weaver.js', import.meta.url))
const EXAMPLES = fileURLToPath(new URL('../../../../examples', import.meta.url))
const WAIT_MS = 300_000

const REQUESTS: Readonly<Record<string, readonly [path: string, answer: RegExp, init?: RequestInit]>> = {
  bank: ['/deposit?to=ann&amount=5', /^done\n$/, { method: 'POST' }],
  boutique: ['/', /<html/],
  chat: ['/rooms/tea?author=ada', /"author":"ada","text":"Hello!"/, { method: 'POST', body: 'Hello!' }],
  collatz: ['/?n=27', /^27: 111 steps\n$/],
  factors: ['/?n=360', /^\{"primes":\[2,2,2,3,3,5\]/],
  fakes: ['/?cents=25000', /"state":"(?:declined|closed)"/],
  hello: ['/?name=Ada', /^Hello, Ada!\n$/],
  reverser: ['/?text=weaver', /^revaew\n$/],
}
const ELSEWHERE = ['contract', 'httpserver', 'probe']

let folder: string
let child: ChildProcess | undefined
beforeAll(() => buildPackage('cli'), 900_000)
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weaver-examples-'))))
afterEach(async () => {
  // Of a test that failed half way; its processes end with it.
  if (child !== undefined && child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  rmSync(folder, { recursive: true, force: true })
})

it('has a request for every example', () => {
  expect([...Object.keys(REQUESTS), ...ELSEWHERE].sort()).toEqual(readdirSync(EXAMPLES).sort())
})

it.each(Object.entries(REQUESTS))(
  '%s serves',
  async (name, [path, answer, init]) => {
    buildExample(name)
    const of = (file: string): string => readFileSync(join(EXAMPLES, name, file), 'utf8')
    const { components } = JSON.parse(of('weaver.graph.json')) as { readonly components: readonly { readonly name: string }[] }
    const others = components.map((component) => component.name).filter((one) => one !== 'weaver/Main')
    writeFileSync(
      join(folder, 'weaver.toml'),
      `${of('weaver.toml').replace('dist/main.js', join(EXAMPLES, name, 'dist/main.js'))}
[multi]
replicas = 1
[[multi.groups]]
name = "others"
components = ${JSON.stringify(others)}
`,
    )
    const env = { XDG_STATE_HOME: folder, PATH: process.env['PATH'] ?? '', HOME: folder }
    const deployer = spawn(process.execPath, [WEAVER, 'multi', 'deploy', 'weaver.toml'], { cwd: folder, env })
    child = deployer
    const exited = once(deployer, 'exit')
    let said = ''
    for (const stream of [deployer.stdout, deployer.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    for (const limit = Date.now() + WAIT_MS; !said.includes('ready: 2 processes'); await sleep(50))
      if (deployer.exitCode !== null || Date.now() > limit) throw new Error(said)
    const [view] = JSON.parse((await runWeaver(['multi', 'status', '--json'], { cwd: folder, env })).stdout) as [DeploymentView]
    const response = await fetch(`http://${view.listeners[0]?.address}${path}`, init)
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(answer)])
    deployer.kill('SIGINT')
    await exited
    expect(deployer.exitCode).toBe(0)
  },
  900_000,
)
