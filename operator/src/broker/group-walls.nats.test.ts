/**
 * The walls between the groups of one version, and how large a version may be: real servers in
 * operator mode, clients with the credentials that the operator would put into Secrets, and each
 * subject that Weaver has.
 */
import { encodeUser, fmtCreds } from '@nats-io/jwt'
import { connect, credsAuthenticator, errors, type NatsConnection } from '@nats-io/transport-node'
import {
  arrivalSubject,
  callSubject,
  controlAllSubject,
  controlSubject,
  deployerInboxPrefix,
  eventSubject,
  everyReplicaSubject,
  groupPermissions,
  inboxPrefix,
  leaderSubject,
  logSubject,
  replicaCallSubject,
  replicaQuerySubject,
} from '@weaver/sdk/contract'
import { createLogger } from '../log/logger.js'
import { startNatsCluster, type NatsCluster } from '../testing/nats-cluster.js'
import type { Broker, BrokerGroup, BrokerVersion } from './broker.js'
import { startJwtBroker } from './jwt-broker.js'
import { deriveVersionKeys } from './version-keys.js'

const FRONT: BrokerGroup = { name: 'front', hosts: ['weaver/Main'], calls: ['shop/Cart', 'shop/Rates'] }
const CART: BrokerGroup = { name: 'cart', hosts: ['shop/Cart'], calls: ['shop/Bank'] }
const BANK: BrokerGroup = { name: 'bank', hosts: ['shop/Bank'], calls: [] }
/** Hosts a component that calls another one of its own. */
const TAX: BrokerGroup = { name: 'tax', hosts: ['shop/Rates', 'shop/Tax'], calls: ['shop/Rates'] }
const GROUPS = [FRONT, CART, BANK, TAX]
/** Those that a group calls, and those that call it. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  front: ['cart', 'tax'],
  cart: ['front', 'bank'],
  bank: ['cart'],
  tax: ['front'],
}

let cluster: NatsCluster
let broker: Broker
let serial = 0
const clients = new Set<NatsConnection>()

beforeAll(async () => {
  cluster = await startNatsCluster(1)
  broker = await startOperator()
})
afterEach(async () => {
  for (const nc of clients) await nc.close()
  clients.clear()
})
afterAll(async () => {
  await broker?.close()
  await cluster?.close()
})

function startOperator(): Promise<Broker> {
  const { auth, servers } = cluster
  return startJwtBroker({
    servers,
    operatorSeed: auth['operator.seed'],
    systemCreds: auth['system.creds'],
    log: createLogger({ level: 'error' }),
  })
}
function newVersion(groups: readonly BrokerGroup[], over: Partial<BrokerVersion> = {}): BrokerVersion {
  const versionId = String(serial++).padStart(8, '0')
  return { appUid: 'uid-1', versionId, deploymentId: `shop-${versionId}`, groups, layout: 2, ...over }
}
async function dial(creds: string, prefix?: string): Promise<NatsConnection> {
  const nc = await connect({
    servers: [...cluster.servers],
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    timeout: 60_000,
    reconnect: false,
    ...(prefix === undefined ? {} : { inboxPrefix: prefix }),
  }).catch((error: { readonly code?: string }) => {
    // The server has closed a connection that took too long to say who it is: that is no answer.
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET') return undefined
    throw error
  })
  if (nc === undefined) return dial(creds, prefix)
  clients.add(nc)
  void (async () => {
    for await (const status of nc.status())
      if (status.type === 'error' && status.error instanceof errors.PermissionViolationError) refusals.set(nc, (refusals.get(nc) ?? 0) + 1)
  })()
  return nc
}
const refusals = new WeakMap<NatsConnection, number>()

/**
 * Those of the attempts that the server allows: it tells of a refusal before it answers the ping
 * that follows.
 */
async function allowed(nc: NatsConnection, subjects: readonly string[], attempt: (subject: string) => void): Promise<string[]> {
  const found: string[] = []
  for (const subject of subjects) {
    const before = refusals.get(nc) ?? 0
    attempt(subject)
    await nc.flush()
    await new Promise((resolve) => setImmediate(resolve))
    if ((refusals.get(nc) ?? 0) === before) found.push(subject)
  }
  return found
}

describe('a group of a version', () => {
  const [component, replica] = ['shop/Cart', 'r1']
  let v1: BrokerVersion
  beforeAll(async () => {
    v1 = newVersion(GROUPS)
    await broker.ensureVersion(v1)
  })
  /**
   * Every subject that Weaver has, for each component and each group, and the wildcards over them.
   */
  const everySubject = (id: string): string[] => [
    ...['weaver/Main', 'shop/Cart', 'shop/Bank', 'shop/Rates', 'shop/Tax'].flatMap((name) => [
      callSubject(id, name),
      replicaCallSubject(id, name, replica),
      everyReplicaSubject(id, name),
      replicaQuerySubject(id, name, replica),
      arrivalSubject(id, name),
      leaderSubject(id, name),
    ]),
    ...GROUPS.flatMap(({ name }) => [`${inboxPrefix(id, name, replica)}.r.0`, `${inboxPrefix(id, name, replica)}.s.x.o.1`]),
    `${deployerInboxPrefix(id, 'operator')}.0`,
    controlAllSubject(id),
    controlSubject(id, replica),
    eventSubject(id),
    logSubject(id),
  ]
  const wildcards = (id: string): string[] => [
    `wv.${id}.i.>`,
    `wv.${id}.i.*.>`,
    `wv.${id}.i.*.*.r.*`,
    `wv.*.i.>`,
    ...[...GROUPS.map(({ name }) => name), '_deployer'].map((name) => `wv.${id}.i.${name}.>`),
    `wv.${id}.>`,
    `wv.${id}.c.>`,
    '>',
  ]

  for (const group of GROUPS)
    it(`"${group.name}" hears its own inboxes and what it serves, and writes to its peers, and nothing else`, async () => {
      const id = v1.deploymentId
      const nc = await dial(await broker.groupCredentials(v1, group.name), inboxPrefix(id, group.name, replica))
      const peers = PEERS[group.name] ?? []
      const expected = everySubject(id).filter((subject) => {
        const [, , kind, owner = ''] = subject.split('.')
        if (kind === 'i') return owner === group.name
        if (kind === 'ctl') return true
        if (kind !== 'c') return false
        return group.hosts.includes(owner) || (group.calls.includes(owner) && subject.endsWith('._here'))
      })
      const subjects = [...everySubject(id), ...wildcards(id)]
      const heard = await allowed(nc, subjects, (subject) => void nc.subscribe(subject, { callback: () => undefined }))
      expect(heard).toEqual([...expected, `wv.${id}.i.${group.name}.>`])
      const written = everySubject(id).filter((subject) => {
        const [, , kind, owner = ''] = subject.split('.')
        if (kind === 'i') return [group.name, '_deployer', ...peers].includes(owner)
        if (kind === 'evt' || kind === 'log') return true
        if (kind === 'lead') return group.hosts.includes(owner)
        if (kind !== 'c') return false
        return group.calls.includes(owner) || (group.hosts.includes(owner) && subject.endsWith('._here'))
      })
      expect(await allowed(nc, everySubject(id), (subject) => nc.publish(subject))).toEqual(written)
      expect(nc.isClosed()).toBe(false)
    })

  it('never hears an answer to another group, not even one that it is told the subject of', async () => {
    const member = async (group: BrokerGroup) =>
      dial(await broker.groupCredentials(v1, group.name), inboxPrefix(v1.deploymentId, group.name, replica))
    const [front, cart, tax] = await Promise.all([member(FRONT), member(CART), member(TAX)])
    const heard: string[] = []
    for (const subject of [`wv.${v1.deploymentId}.i.>`, `${inboxPrefix(v1.deploymentId, 'front', replica)}.>`])
      tax.subscribe(subject, { callback: (error, message) => void (error ?? heard.push(message.subject)) })
    cart.subscribe(callSubject(v1.deploymentId, component), { queue: 'q', callback: (_error, message) => void message.respond('2 books') })
    await Promise.all([tax.flush(), cart.flush()])
    for (let i = 0; i < 20; i++)
      expect((await front.request(callSubject(v1.deploymentId, component), '', { timeout: 60_000 })).string()).toBe('2 books')
    await tax.flush()
    expect(heard).toEqual([])
  })
})

describe('a version that was made by an older release', () => {
  /**
   * As that release made it: what it may do stands in the user's JWT, which the account itself has
   * signed.
   */
  const oldCreds = async (version: BrokerVersion, group: BrokerGroup): Promise<string> => {
    const keys = deriveVersionKeys(new TextEncoder().encode(cluster.auth['operator.seed']), version)
    const { publish, subscribe } = groupPermissions(version.deploymentId, group, { groups: version.groups, layout: 1 })
    const user = keys.group(group.name)
    const limits = { subs: -1, data: -1, payload: -1 }
    const jwt = await encodeUser(
      group.name,
      user,
      keys.account,
      { pub: { allow: [...publish] }, sub: { allow: [...subscribe] }, ...limits },
      {},
    )
    return new TextDecoder().decode(fmtCreds(jwt, user))
  }

  it('keeps its connections when its account is given signing keys, and comes back with its old credentials and with new ones', async () => {
    const v1 = newVersion(GROUPS, { layout: 1 })
    await broker.ensureVersion({ ...v1, groups: [] }) // the account as it was: no signing keys
    const inboxOf = (group: string): string => `wv.${v1.deploymentId}.i.${group}-0`
    const front = await dial(await oldCreds(v1, FRONT), inboxOf('front'))
    const cart = await dial(await oldCreds(v1, CART), inboxOf('cart'))
    const subject = callSubject(v1.deploymentId, 'shop/Cart')
    cart.subscribe(subject, { queue: 'q', callback: (_error, message) => void message.respond('2 books') })
    await cart.flush()
    await broker.ensureVersion(v1)
    expect((await front.request(subject, '', { timeout: 60_000 })).string()).toBe('2 books')
    for (const creds of [await oldCreds(v1, FRONT), await broker.groupCredentials(v1, 'front')])
      expect((await (await dial(creds, inboxOf('front'))).request(subject, '', { timeout: 60_000 })).string()).toBe('2 books')
    expect([front.isClosed(), cart.isClosed()]).toEqual([false, false])
  })
})

describe('the account of a version', () => {
  it('is pushed again, by an operator that was restarted too, without a word to its clients', async () => {
    const v1 = newVersion(GROUPS)
    await broker.ensureVersion(v1)
    const nc = await dial(await broker.groupCredentials(v1, 'front'))
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // claims are ordered by the second they were made in
    const restarted = await startOperator()
    try {
      await restarted.ensureVersion(v1)
      await nc.flush()
      await new Promise((resolve) => setTimeout(resolve, 500)) // a server that closes a client does so within milliseconds
      expect(nc.isClosed()).toBe(false)
    } finally {
      await restarted.close()
    }
  })
})

/** `count` components with long names, each of which calls the ten that follow. */
function components(count: number): { readonly name: string; readonly calls: readonly string[] }[] {
  const nameOf = (i: number): string => `shop/some/deep/package/Component${i % count}`
  return Array.from({ length: count }, (_, i) => ({
    name: nameOf(i),
    calls: Array.from({ length: Math.min(10, count - 1) }, (_call, n) => nameOf(i + n + 1)),
  }))
}
/** They in groups of this size. */
function grouped(count: number, size: number): BrokerGroup[] {
  const all = components(count)
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => {
    const members = all.slice(i * size, (i + 1) * size)
    return {
      // A component that is alone gives its group its name.
      name: size === 1 ? `component${i}` : `group-${i}`.padEnd(40, 'x'),
      hosts: members.map(({ name }) => name),
      calls: [...new Set(members.flatMap(({ calls }) => calls))],
    }
  })
}
/** As long as an app's name lets it be. */
const LONGEST_ID = `${'a'.repeat(46)}-12345678-abcdef`.slice(0, 63)

describe('size', () => {
  it.each([
    [1, 1],
    [7, 7],
    [12, 12],
    [12, 1],
    [50, 50],
    [200, 200],
    [200, 1],
  ])(
    '%i components with ten calls each, in groups of %i: each group connects, calls and serves',
    async (count, size) => {
      const groups = grouped(count, size)
      const v1 = newVersion(groups, { deploymentId: `${LONGEST_ID.slice(0, 55)}${String(serial).padStart(8, '0')}` })
      await broker.ensureVersion(v1)
      const lengths = new Set<number>()
      for (const group of [groups[0], groups.at(-1)]) {
        if (group === undefined) throw new Error('there is a group')
        const creds = await broker.groupCredentials(v1, group.name)
        lengths.add(/BEGIN NATS USER JWT-+\s+(\S+)/.exec(creds)?.[1]?.length ?? 0)
        const nc = await dial(creds, inboxPrefix(v1.deploymentId, group.name, 'r1'))
        const served = group.hosts.map((name) => callSubject(v1.deploymentId, name))
        for (const subject of served) nc.subscribe(subject, { callback: () => undefined })
        for (const component of group.calls) nc.publish(callSubject(v1.deploymentId, component))
        await nc.flush()
        await new Promise((resolve) => setImmediate(resolve))
        expect([refusals.get(nc) ?? 0, nc.isClosed()]).toEqual([0, false])
      }
      for (const length of lengths) expect(length).toBeLessThan(1_000) // of the 4,096 bytes of a control line
    },
    240_000,
  )

  it('above what the broker takes as one message is an error that says so, at once, and says what to do', async () => {
    const error = (await broker.ensureVersion(newVersion(manyPairs())).catch((e: unknown) => e)) as Error & { readonly code?: string }
    expect(error.code).toBe('WEAVER_BROKER_ACCOUNT_TOO_LARGE')
    expect(error.message).toMatch(
      /the account of deployment "shop-\d+" has at least \d{7} bytes, and the broker at nats:.* takes messages of 1048576: .*into one group.*max_payload/,
    )
  })
})

/** Eighty groups that all call each other. */
function manyPairs(): BrokerGroup[] {
  const names = Array.from({ length: 80 }, (_, i) => `shop/C${i}`)
  return names.map((name, i) => ({ name: `g${i}`, hosts: [name], calls: names.filter((other) => other !== name) }))
}
