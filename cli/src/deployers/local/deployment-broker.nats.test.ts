/** What the broker of a local deployment refuses: a real nats-server with the accounts that deployers make. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, natsServerCommand, natsServerConfig, natsUrlOf, startNatsServer, type NatsAccount } from '@weaver/deployer'
import { callSubject, deployerInboxPrefix, eventSubject, inboxPrefix } from '@weaver/sdk/contract'
import { connectNats, createLogger, entrySink, type Transport } from '@weaver/sdk/internal'
import { findNatsServer } from './find-nats-server.js'
import { startDeploymentBroker } from './deployment-broker.js'
import type { DeploymentBroker } from './process-site.js'

const GROUPS = [
  { name: 'bank', hosts: ['shop/Bank'], calls: [] },
  { name: 'cart', hosts: ['shop/Cart'], calls: ['shop/Bank'] },
  { name: 'main', hosts: ['weaver/Main'], calls: ['shop/Cart'] },
].map((group) => ({ ...group, listeners: [], hasMain: group.name === 'main', replicas: 1 }))
const env = process.env
const found = findNatsServer({ env, cwd: tmpdir() })
const log = createLogger(entrySink(() => undefined, 'error'))

let folder: string
const closers: (() => Promise<void>)[] = []
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weaver-broker-'))))
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  rmSync(folder, { recursive: true })
})

async function connectAs(url: string, inbox: string): Promise<Transport> {
  const transport = await connectNats({ servers: [url], name: 'test', inboxPrefix: inbox, connectTimeoutMs: 60_000, log })
  closers.push(() => transport.close())
  return transport
}

/** Subjects of what arrives, until this one has come. */
function heardUntil(transport: Transport, last: string): Promise<readonly string[]> {
  const heard: string[] = []
  return new Promise((resolve) =>
    transport.subscribe('>', ({ subject }) => {
      heard.push(subject)
      if (subject === last) resolve(heard)
    }),
  )
}

describe('the broker of a deployment', () => {
  const ID = 'd1'
  let broker: DeploymentBroker
  beforeEach(async () => {
    broker = await startDeploymentBroker({
      found,
      deploymentId: ID,
      groups: GROUPS,
      layout: 2,
      folder,
      key: ID,
      env,
      onEvent: () => undefined,
    })
    closers.push(() => broker.close())
  })
  const serverOf = (name?: string): string => broker.natsOf(name).servers[0] ?? ''
  const group = (name: string): Promise<Transport> => connectAs(serverOf(name), inboxPrefix(ID, name, 'r'))

  it('lets a group call what its components refer to, and nothing else', async () => {
    const deployer = await connectAs(serverOf(), deployerInboxPrefix(ID, 'test'))
    const heard = heardUntil(deployer, eventSubject(ID))
    await deployer.flush()
    const main = await group('main')
    for (const subject of [
      callSubject(ID, 'shop/Cart'),
      callSubject(ID, 'shop/Bank'),
      'wv.other.c.shop/Cart',
      `${inboxPrefix(ID, 'bank', 'r')}.1`,
      eventSubject(ID),
    ])
      main.publish(subject, new Uint8Array())
    expect(await heard).toEqual([callSubject(ID, 'shop/Cart'), eventSubject(ID)])
  })

  it('lets nobody hear the calls of another group', async () => {
    const main = await group('main')
    main.subscribe(callSubject(ID, 'shop/Cart'), () => undefined)
    expect(await main.lost).toMatchObject({ code: 'WEAVER_NATS_FORBIDDEN', message: expect.stringContaining('shop/Cart') })
  })

  it('keeps its passwords in a file of its user alone, and takes it away', async () => {
    expect(statSync(join(folder, `${ID}.nats`)).mode & 0o777).toBe(0o600)
    expect(broker.shown).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/)
    await broker.close()
    expect(statSync(join(folder, `${ID}.nats`), { throwIfNoEntry: false })).toBeUndefined()
  })
})

it('of two deployments on one server neither hears the other, nor is one let in as the other', async () => {
  if (found.kind !== 'program') throw new Error('the test needs nats-server on the PATH')
  const account = (deploymentId: string): NatsAccount => ({
    deploymentId,
    groups: GROUPS,
    layout: 2,
    passwords: { deployer: `${deploymentId}-deployer`, groups: new Map(GROUPS.map(({ name }) => [name, `${deploymentId}-${name}`])) },
  })
  const [one, two] = [account('one'), account('two')]
  const [port, file] = [await freePort(), join(folder, 'nats.conf')]
  writeFileSync(file, natsServerConfig({ port, accounts: [one, two] }))
  const server = await startNatsServer(natsServerCommand(found.path, ['-c', file], env))
  closers.push(async () => void (await server.stop()))

  const other = await connectAs(natsUrlOf({ port }, two), deployerInboxPrefix('two', 'test'))
  const heard = heardUntil(other, 'end')
  await other.flush()
  const stranger = await connectAs(natsUrlOf({ port }, one), deployerInboxPrefix('one', 'test'))
  for (const subject of [eventSubject('two'), callSubject('two', 'shop/Cart')]) stranger.publish(subject, new Uint8Array())
  await stranger.flush()
  other.publish('end', new Uint8Array())
  expect(await heard).toEqual(['end'])
  const forged = natsUrlOf({ port }, { ...two, passwords: one.passwords }, 'main')
  await expect(connectNats({ servers: [forged], name: 'test', inboxPrefix: 'i', connectTimeoutMs: 1_000, log })).rejects.toMatchObject({
    code: 'WEAVER_NATS_CONNECT',
    message: expect.stringMatching(/authorization violation/i),
  })
})

it('a program that is no nats-server is named, with what it said', async () => {
  const program = join(folder, 'nats-server')
  writeFileSync(program, '#!/bin/sh\necho "this is something else" >&2\nexit 3\n', { mode: 0o755 })
  const options = {
    found: { kind: 'program', path: program, from: 'PATH' },
    deploymentId: 'd',
    groups: GROUPS,
    layout: 2,
    folder,
    key: 'd',
    env,
  } as const
  await expect(startDeploymentBroker({ ...options, onEvent: () => undefined })).rejects.toMatchObject({
    code: 'WEAVER_CLI_NATS',
    message: `"${program}", the broker (PATH), cannot be used: nats-server exited with code 3:\nthis is something else`,
  })
})
