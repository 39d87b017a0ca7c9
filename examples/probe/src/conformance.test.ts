// docs/deployers.md, tried on every deployer that runs on one machine. A new one gets an adapter
// here.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseGraph } from '@weaver/sdk/contract'
import {
  deployerStatements,
  shareDeployments,
  startNatsServer,
  weaverTest,
  type DeployedProbe,
  type DeployerUnderTest,
  type NatsServer,
  type ProbeOptions,
} from '@weaver/testing'
import { buildExample, buildPackage } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { commandsUnderTest } from './commands-under-test.js'
import { deploy } from './small-deployer.js'
import { weaver } from './weaver.gen.js'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const ENTRY = path('../dist/main.js')
const WEAVER = path('../../../cli/bin/weaver.js')

let folder: string
let nats: NatsServer
beforeAll(async () => {
  buildPackage('cli')
  buildExample('probe')
  folder = mkdtempSync(join(tmpdir(), 'weaver-conformance-'))
  nats = await startNatsServer()
}, 900_000)
afterAll(async () => {
  await commands.close()
  await nats.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The runner "multi" of the test kit: Main in this process, each component in one of its own. */
const testKit: DeployerUnderTest = {
  can: ['processes', 'replicas'],
  deploy: ({ config = {}, replicas = 1 }: ProbeOptions) =>
    new Promise<DeployedProbe>((resolve, reject) => {
      let stop = (): void => undefined
      const stopped = new Promise<void>((end) => (stop = end))
      const ended = weaverTest({ weaver, runner: 'multi', entry: ENTRY, app: App, config, replicas, natsUrl: nats.url }, async (test) => {
        resolve({
          url: await test.url('probe'),
          stop: () => (stop(), ended.then(() => undefined, String)),
        })
        await stopped
      })
      ended.catch(reject)
    }),
}

const small: DeployerUnderTest = {
  can: ['main', 'processes', 'colocate', 'replicas', 'restart', 'logs'],
  async deploy({ config = {}, colocate = [], replicas = 1 }) {
    const graph = parseGraph(readFileSync(path('../weaver.graph.json'), 'utf8'))
    const deployment = await deploy({ app: 'probe', entry: ENTRY, graph, natsUrl: nats.url, config, colocate, replicas })
    return {
      get url() {
        const at = deployment.listeners['probe']
        return `http://${at?.host}:${at?.port}`
      },
      logs: async () => deployment.logs,
      stop: () => deployment.stop(),
    }
  },
}

const commands = commandsUnderTest(() => ({ folder, entry: ENTRY, weaver: WEAVER, env: process.env }))
const deployers: Readonly<Record<string, DeployerUnderTest>> = {
  'no deployer (node dist/main.js)': commands.none,
  'weaver single': commands.single,
  'weaver multi': commands.multi,
  'weaver gke-local': commands.gkeLocal,
  'the runner multi of the test kit': testKit,
  'the small deployer': small,
}

describe.each(Object.entries(deployers))('%s', (_, deployer) => {
  const shared = shareDeployments(deployer)
  afterAll(() => shared.close(), 300_000)
  const asked = shared.inOrder(deployerStatements.filter(({ needs }) => needs.every((ability) => deployer.can.includes(ability))))
  it.each(asked.map((statement) => [statement.id, statement.says, statement] as const))('%s: %s', async (_id, _says, statement) => {
    await expect(statement.check(shared.for(statement))).resolves.toBeUndefined()
  }, 300_000) // prettier-ignore
})

it('the small deployer says where Main is when another process has taken its place', async () => {
  const probe = await small.deploy({})
  try {
    const { url: before } = probe
    const [{ pid }] = (await (await fetch(`${before}/chain`)).json()) as [{ readonly pid: number }] // as examples/probe answers
    process.kill(pid, 'SIGKILL')
    const pidOfMain = async () => ((await (await fetch(`${probe.url}/chain`)).json()) as [{ readonly pid: number }])[0].pid
    // The new one may have the same port, so it is known by its answer.
    while ([pid, undefined].includes(await pidOfMain().catch(() => undefined))) await sleep(20)
  } finally {
    expect(await probe.stop()).toBeUndefined()
  }
}, 300_000)

describe('the suite itself', () => {
  /** What a statement says of the small deployer when that is spoilt. */
  async function check(
    id: string,
    spoilOptions: (options: ProbeOptions) => ProbeOptions,
    spoilProbe: (probe: DeployedProbe) => DeployedProbe = (probe) => probe,
  ): Promise<void> {
    const deployer: DeployerUnderTest = { can: small.can, deploy: async (options) => spoilProbe(await small.deploy(spoilOptions(options))) }
    await deployerStatements.find((statement) => statement.id === id)?.check(deployer)
  }

  const all = ['weaver/Main', 'probe/Middle', 'probe/Back', 'probe/Store']
  it.each([
    ['D3', 'nobody gets a configuration', (options: ProbeOptions) => ({ ...options, config: {} })],
    ['D4', 'a configuration is not passed on', (options: ProbeOptions) => ({ ...options, config: {} })],
    ['D11', 'everything runs in one process', (options: ProbeOptions) => ({ ...options, colocate: [all] })],
  ] as const)('%s fails where %s', async (id, _, spoil) => {
    await expect(check(id, spoil)).rejects.toMatchObject({ name: 'AssertionError' })
  }, 300_000) // prettier-ignore

  it.each([
    ['D8', 'a stop is not clean', (probe: DeployedProbe) => ({ ...probe, stop: async () => (await probe.stop()) ?? 'killed' })],
    [
      'D10',
      'the last lines are lost',
      (probe: DeployedProbe) => ({ ...probe, logs: async () => ((await probe.logs?.()) ?? []).filter(({ message }) => message !== 'probe stopped') }),
    ],
  ] as const)('%s fails where %s', async (id, _, spoil) => {
    await expect(check(id, (options) => options, spoil)).rejects.toMatchObject({ name: 'AssertionError' })
  }, 300_000) // prettier-ignore

  it('D7 fails where two deployments are one', async () => {
    const one = await small.deploy({})
    const mixed: DeployerUnderTest = { can: small.can, deploy: async () => ({ url: one.url, stop: async () => undefined }) }
    await expect(deployerStatements.find(({ id }) => id === 'D7')?.check(mixed)).rejects.toMatchObject({ name: 'AssertionError' })
    expect(await one.stop()).toBeUndefined()
  }, 300_000)

  it('is what docs/deployers.md says', () => {
    const page = readFileSync(path('../../../docs/deployers.md'), 'utf8')
    const rows = [...page.matchAll(/^\| (D\d+) +\| (.*?) +\| (.*?) +\|/gm)].map(([, id, says, needs]) => `${id} ${says} (${needs})`)
    expect(rows).toEqual(deployerStatements.map(({ id, says, needs }) => `${id} ${says} (${needs.join(', ') || '–'})`))
  })
})
