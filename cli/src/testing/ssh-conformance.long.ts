/**
 * What every deployer keeps (docs/deployers.md), of `weaver ssh`: `make test-ssh`. It takes as long
 * as the story of commands/ssh/ssh.nats.test.ts, and so is not a part of every run.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '@weaver/sdk/test-support'
import { buildExample, buildPackage } from '../../../scripts/build-example.js'
import { findNatsServer } from '../deployers/local/find-nats-server.js'
import { startSshMachines, type SshMachines } from './ssh-machines.js'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const [WEAVER, PROBE] = [path('../../bin/weaver.js'), path('../../../examples/probe/dist/')]

let world: SshMachines
beforeAll(async () => {
  buildPackage('cli')
  buildExample('probe')
  const nats = findNatsServer({ env: process.env, cwd: process.cwd() })
  if (nats.kind !== 'program') throw new Error('no nats-server')
  world = await startSshMachines({ m1: [process.execPath, nats.path], m2: [process.execPath, nats.path] })
}, 900_000)
afterAll(() => world?.close())

it('D1 to D15, on two machines', async () => {
  const { folder, machines } = world
  // In the network of the machines, which this process is not in.
  const suite = world.spawn(process.execPath, [`${PROBE}run-conformance.js`, folder, `${PROBE}main.js`, WEAVER, 'm1', 'm2'], folder)
  let [said, complaints] = ['', '']
  suite.stdout?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  suite.stderr?.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk))
  await once(suite, 'close')
  const told = said.trimEnd().split('\n')
  const statements = told.map((line) => JSON.parse(line) as { readonly id: string; readonly problem?: string }) // as it prints them
  expect({ code: suite.exitCode, complaints, problems: statements.filter(({ problem }) => problem !== undefined) }).toEqual({
    code: 0,
    complaints: '',
    problems: [],
  })
  expect(statements).toHaveLength(15)
  await eventually('the agents to end', () => machines.every(({ processes }) => processes().length === 0), { withinMs: 240_000 })
}, 1_800_000)
