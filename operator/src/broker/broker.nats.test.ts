import { encodeUser, fmtCreds } from '@nats-io/jwt'
import { connect, credsAuthenticator, errors, type NatsConnection } from '@nats-io/transport-node'
import { callSubject, controlAllSubject, inboxPrefix, replicaCallSubject, type ControlReply } from '@weaver/sdk/contract'
import { eventually } from '@weaver/sdk/test-support'
import { createLogger } from '../log/logger.js'
import { startNatsCluster, type NatsCluster } from '../testing/nats-cluster.js'
import type { Broker, BrokerGroup, BrokerVersion } from './broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import { startJwtBroker } from './jwt-broker.js'
import { deriveVersionKeys } from './version-keys.js'

// Three real servers in operator mode. What is claimed is shown by clients that dial each of them
// with the credentials that the operator would put into Secrets.

// A server asks its peers for a while before it refuses a client of an account that it does not
// know.
const SILENT = createLogger({ level: 'error' })
const FRONT: BrokerGroup = { name: 'front', hosts: ['weaver/Main'], calls: ['shop/Cart'] }
const CART: BrokerGroup = { name: 'cart', hosts: ['shop/Cart'], calls: ['shop/Bank'] }
const BANK: BrokerGroup = { name: 'bank', hosts: ['shop/Bank'], calls: [] }

let cluster: NatsCluster
let broker: Broker
const clients = new Set<NatsConnection>()
/** How often the server refused something to a client. */
const refusals = new WeakMap<NatsConnection, number>()
const brokers = new Set<Broker>()
let serial = 0
const decode = (data: Uint8Array): string => new TextDecoder().decode(data)

async function startOperator(servers = cluster.servers, log = SILENT): Promise<Broker> {
  const started = await startJwtBroker({
    servers,
    operatorSeed: cluster.auth['operator.seed'],
    systemCreds: cluster.auth['system.creds'],
    log,
  })
  brokers.add(started)
  return started
}
function newVersion(): BrokerVersion {
  const versionId = String(serial++).padStart(8, '0')
  return { appUid: 'uid-1', versionId, deploymentId: `shop-${versionId}`, groups: [FRONT, CART, BANK], layout: 2 }
}
async function dial(creds: string, options: { readonly server?: number; readonly inboxPrefix?: string } = {}): Promise<NatsConnection> {
  const nc = await connect({
    servers: [cluster.servers[options.server ?? 0] ?? ''],
    ignoreClusterUpdates: true,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    timeout: 60_000,
    reconnect: false,
    ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
  })
  clients.add(nc)
  void (async () => {
    for await (const status of nc.status())
      if (status.type === 'error' && status.error instanceof errors.PermissionViolationError) refusals.set(nc, (refusals.get(nc) ?? 0) + 1)
  })()
  return nc
}
async function member(identity: VersionIdentity, group: BrokerGroup, server = 0): Promise<NatsConnection> {
  return dial(await broker.groupCredentials(identity, group.name), {
    server,
    inboxPrefix: inboxPrefix(identity.deploymentId, group.name, `${group.name}-${serial++}`),
  })
}
async function isAdmitted(identity: VersionIdentity, server: number): Promise<boolean> {
  try {
    const nc = await member(identity, FRONT, server)
    await nc.close()
    return true
  } catch (error) {
    if (error instanceof errors.AuthorizationError) return false
    const { code } = error as { readonly code?: string }
    // The server has closed a connection that took too long to say who it is: that is no answer.
    if (code === 'EPIPE' || code === 'ECONNRESET') return isAdmitted(identity, server)
    throw error
  }
}
/** The servers that let a client of this version in. */
async function admittedBy(identity: VersionIdentity): Promise<number[]> {
  const answers = await Promise.all(SERVERS.map((server) => isAdmitted(identity, server)))
  return SERVERS.filter((server) => answers[server])
}
/** What the server says to a try: it tells of a refusal before it answers the ping that follows. */
async function verdict(nc: NatsConnection, attempt: () => void): Promise<'allowed' | 'refused'> {
  const before = refusals.get(nc) ?? 0
  attempt()
  await nc.flush()
  await new Promise((resolve) => setImmediate(resolve))
  return (refusals.get(nc) ?? 0) > before ? 'refused' : 'allowed'
}
const publishes = (nc: NatsConnection, subject: string) => verdict(nc, () => nc.publish(subject, 'x'))
const subscribes = (nc: NatsConnection, subject: string) => verdict(nc, () => void nc.subscribe(subject, { callback: () => undefined }))
const SERVERS = [0, 1, 2]
const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )
const seedOf = (creds: string): string => /^SU[A-Z2-7]{56}$/m.exec(creds)?.[0] ?? ''

/** The same user as a group's, with no permissions at all to hold it back. */
async function unlimitedUser(identity: VersionIdentity): Promise<string> {
  const keys = deriveVersionKeys(new TextEncoder().encode(cluster.auth['operator.seed']), identity)
  const user = keys.group('unlimited')
  return decode(fmtCreds(await encodeUser('unlimited', user, keys.account, { subs: -1, data: -1, payload: -1 }), user))
}
/** Connections of this name in the account of a version, as the servers count them. */
async function connectionsOf(identity: VersionIdentity, name: string): Promise<number> {
  const account = deriveVersionKeys(new TextEncoder().encode(cluster.auth['operator.seed']), identity).account.getPublicKey()
  const system = await dial(cluster.auth['system.creds'])
  const replies = await system.requestMany('$SYS.REQ.SERVER.PING.CONNZ', JSON.stringify({ auth: true, acc: account }), {
    maxWait: 1_000,
    maxMessages: 3,
  })
  let count = 0
  for await (const reply of replies) {
    const { data } = JSON.parse(decode(reply.data)) as {
      readonly data?: { readonly connections?: readonly { readonly name?: string }[] }
    }
    count += data?.connections?.filter((c) => c.name === name).length ?? 0
  }
  return count
}

beforeAll(async () => {
  cluster = await startNatsCluster(3)
  broker = await startOperator()
})
const PROBE = newVersion()
beforeEach(async () => {
  await eventually('the connection of the operator, which the test before may have cut', () => succeeds(broker.ensureVersion(PROBE)))
})
afterEach(async () => {
  for (const nc of clients) await nc.close()
  clients.clear()
  // After a test that failed half-way.
  for (const server of SERVERS) {
    cluster.thaw(server)
    await cluster.start(server)
  }
})
afterAll(async () => {
  for (const b of brokers) await b.close()
  await cluster?.close()
})

describe('account of a version', () => {
  it('admits nobody before it is made, and is known to every server when the promise resolves', async () => {
    const v1 = newVersion()
    expect(await admittedBy(v1)).toEqual([])
    await broker.ensureVersion(v1)
    expect(await admittedBy(v1)).toEqual(SERVERS)
    await broker.ensureVersion(v1)
    expect(await admittedBy(v1)).toEqual(SERVERS)
  })

  it('reaches a server that was down when it was made, also one that lost its disk', async () => {
    const v1 = newVersion()
    await cluster.stop(2)
    await eventually('the push to the others', () => succeeds(broker.ensureVersion(v1)))
    expect(await Promise.all([0, 1].map((server) => isAdmitted(v1, server)))).toEqual([true, true])
    await cluster.start(2)
    await eventually('the server that came back', () => isAdmitted(v1, 2))
    await cluster.stop(1)
    await cluster.wipe(1)
    await cluster.start(1)
    await eventually('the server without a disk', () => isAdmitted(v1, 1))
  })

  it('is pushed again after every server lost its disk at once', async () => {
    const [v1, v2] = [newVersion(), newVersion()]
    const own = await startOperator()
    own.onReconnect(() => [v1, v2])
    await eventually('both accounts', async () => (await isAdmitted(v1, 0)) && (await isAdmitted(v2, 0)))
    for (const server of SERVERS) await cluster.stop(server)
    for (const server of SERVERS) await cluster.wipe(server)
    await Promise.all(SERVERS.map((server) => cluster.start(server)))
    await eventually('v1 everywhere', async () => (await admittedBy(v1)).length === 3)
    await eventually('v2 everywhere', async () => (await admittedBy(v2)).length === 3)
    expect([await admittedBy(v1), await admittedBy(v2)]).toEqual([SERVERS, SERVERS])
  }, 150_000)

  it('is pushed again when no server took it, unless the version ended or was closed meanwhile', async () => {
    const [v1, v2, v3] = [newVersion(), newVersion(), newVersion()]
    const told: string[] = []
    const own = await startOperator(cluster.servers, createLogger({ level: 'warn', write: (line) => void told.push(line) }))
    let versions = [v1, v2, v3]
    for (const server of SERVERS) cluster.freeze(server)
    own.onReconnect(() => versions)
    await eventually('the first try to be over', () => told.length > 0)
    versions = [v1, v3]
    const closing = own.removeVersion(v3)
    for (const server of SERVERS) cluster.thaw(server)
    await closing.catch(() => undefined) // it may have asked while nobody answered
    await eventually('v1 everywhere', async () => (await admittedBy(v1)).length === 3)
    expect([await admittedBy(v2), await admittedBy(v3)]).toEqual([[], []])
  }, 150_000)

  it('closes its clients on every server when deleted, refuses them from then on, and leaves other versions alone', async () => {
    const [v1, v2] = [newVersion(), newVersion()]
    await broker.ensureVersion(v1)
    await broker.ensureVersion(v2)
    const doomed = await Promise.all(SERVERS.map((server) => member(v1, FRONT, server)))
    const others = await Promise.all(SERVERS.map((server) => member(v2, FRONT, server)))
    await broker.removeVersion(v1)
    await eventually('the end of the clients', () => doomed.every((nc) => nc.isClosed()))
    expect(await admittedBy(v1)).toEqual([])
    for (const nc of others) await nc.flush()
    expect(others.some((nc) => nc.isClosed())).toBe(false)
    await broker.removeVersion(v1)
    await broker.removeVersion(newVersion())
  })

  it('stays deleted when the servers sync with each other and when they start again', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    await broker.removeVersion(v1)
    await new Promise((resolve) => setTimeout(resolve, 6_000)) // one round of the resolver's interval
    expect(await admittedBy(v1)).toEqual([])
    for (const server of SERVERS) {
      await cluster.stop(server)
      await cluster.start(server)
    }
    expect(await admittedBy(v1)).toEqual([])
  })

  it('stays deleted when one server was down meanwhile', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // claims are ordered by the second they were made in
    await cluster.stop(2)
    await eventually('the connection to a server that is left', () => succeeds(broker.removeVersion(v1)))
    await cluster.start(2)
    await eventually('the deletion on the server that came back', async () => !(await isAdmitted(v1, 2)))
    await new Promise((resolve) => setTimeout(resolve, 6_000)) // and it gives its old claim to none of the others
    expect(await admittedBy(v1)).toEqual([])
  })

  it('is opened again by the same identity, as when a user goes back to a version that was removed', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    const creds = await broker.groupCredentials(v1, 'front')
    await broker.removeVersion(v1)
    await broker.ensureVersion(v1)
    const again = await Promise.all(SERVERS.map((server) => dial(creds, { server })))
    for (const nc of again) await nc.flush()
    expect(again.some((nc) => nc.isClosed())).toBe(false)
  })
})

describe('credentials', () => {
  it('hold the same keys after a restart of the operator, and the old ones go on', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    const before = await broker.groupCredentials(v1, 'front')
    const old = await dial(before)
    const restarted = await startOperator()
    await restarted.ensureVersion(v1)
    const after = await restarted.groupCredentials(v1, 'front')
    expect(seedOf(after)).toBe(seedOf(before))
    await old.flush()
    expect(old.isClosed()).toBe(false)
    for (const creds of [before, after]) await (await dial(creds, { server: 1 })).flush()
  })

  it('differ between groups, versions, and two apps of one name', async () => {
    const v1 = newVersion()
    const all = [
      await broker.groupCredentials(v1, 'front'),
      await broker.groupCredentials(v1, 'cart'),
      await broker.groupCredentials(newVersion(), 'front'),
      await broker.groupCredentials({ ...v1, appUid: 'uid-2' }, 'front'),
    ]
    expect(new Set(all.map(seedOf)).size).toBe(all.length)
  })
})

describe('inside a version', () => {
  const GROUPS = [FRONT, CART, BANK]
  const COMPONENTS = ['weaver/Main', 'shop/Cart', 'shop/Bank']
  let v1: BrokerVersion
  beforeAll(async () => {
    v1 = newVersion()
    await broker.ensureVersion(v1)
  })

  for (const group of GROUPS)
    for (const component of COMPONENTS) {
      const [calls, serves] = [group.calls.includes(component), group.hosts.includes(component)]
      it(`${group.name} ${calls ? 'calls' : 'cannot call'} and ${serves ? 'serves' : 'cannot serve'} ${component}`, async () => {
        const nc = await member(v1, group)
        for (const subject of [callSubject(v1.deploymentId, component), replicaCallSubject(v1.deploymentId, component, 'r1')]) {
          expect([subject, await publishes(nc, subject)]).toEqual([subject, calls ? 'allowed' : 'refused'])
          expect([subject, await subscribes(nc, subject)]).toEqual([subject, serves ? 'allowed' : 'refused'])
        }
        expect(nc.isClosed()).toBe(false)
      })
    }

  it('a call is answered across servers', async () => {
    const front = await member(v1, FRONT, 0)
    const cart = await member(v1, CART, 1)
    const subject = callSubject(v1.deploymentId, 'shop/Cart')
    cart.subscribe(subject, { queue: 'q', callback: (_error, message) => void message.respond('2 books') })
    await cart.flush()
    await eventually('the interest on the other server', () => succeeds(front.request(subject, '?', { timeout: 1_000 })))
    expect(decode((await front.request(subject, '?')).data)).toBe('2 books')
  })

  it('no group listens to everything, speaks as the deployer, or reaches the system', async () => {
    const nc = await member(v1, FRONT)
    for (const subject of [
      '>',
      'wv.>',
      '*.>',
      `wv.${v1.deploymentId}.>`,
      `wv.${v1.deploymentId}.c.>`,
      `wv.${v1.deploymentId}.c.*`,
      '_INBOX.>',
      '$SYS.>',
      '$JS.>',
    ])
      expect([subject, await subscribes(nc, subject)]).toEqual([subject, 'refused'])
    for (const subject of [
      controlAllSubject(v1.deploymentId),
      '$SYS.REQ.SERVER.PING',
      '$SYS.REQ.CLAIMS.UPDATE',
      '$JS.API.INFO',
      'anything',
    ])
      expect([subject, await publishes(nc, subject)]).toEqual([subject, 'refused'])
  })
})

describe('between versions', () => {
  it("nothing of v2 is heard, called or answered with v1's credentials, and what v1 sends never arrives", async () => {
    const [v1, v2] = [newVersion(), newVersion()]
    await broker.ensureVersion(v1)
    await broker.ensureVersion(v2)
    const served: string[] = []
    const subject = callSubject(v2.deploymentId, 'shop/Cart')
    const cart = await member(v2, CART, 1)
    cart.subscribe(subject, {
      callback: (_error, message) => {
        served.push(decode(message.data))
        message.respond('for v2')
      },
    })
    await cart.flush()
    const heard: string[] = []
    for (const group of [FRONT, CART])
      for (const server of SERVERS) {
        const intruder = await member(v1, group, server)
        for (const wish of [
          subject,
          `${subject}.*`,
          `wv.${v2.deploymentId}.>`,
          `wv.${v2.deploymentId}.i.>`,
          controlAllSubject(v2.deploymentId),
          '>',
          '*.>',
          'wv.>',
          'wv.*.>',
          '_INBOX.>',
          '$SYS.>',
          '$SYS.ACCOUNT.>',
        ]) {
          // prettier-ignore
          const attempt = () => void intruder.subscribe(wish, { callback: (error, message) => void (error ?? heard.push(message.subject)) })
          expect([wish, await verdict(intruder, attempt)]).toEqual([wish, 'refused'])
        }
        for (const wish of [
          subject,
          `${subject}.r1`,
          controlAllSubject(v2.deploymentId),
          inboxPrefix(v2.deploymentId, 'front', 'front-1'),
          '$SYS.REQ.CLAIMS.DELETE',
        ])
          expect([wish, await publishes(intruder, wish)]).toEqual([wish, 'refused'])
        await expect(intruder.request(subject, 'from v1', { timeout: 500 })).rejects.toThrow(/permissions violation|no responders|timeout/i)
        expect(intruder.isClosed()).toBe(false)
      }
    const front = await member(v2, FRONT, 2)
    await eventually('the interest on the other server', () => succeeds(front.request(subject, 'from v2', { timeout: 500 })))
    expect(new Set(served)).toEqual(new Set(['from v2']))
    expect(heard).toEqual([])
  })

  it('the wall does not rest on permissions: users without any in two accounts do not hear each other', async () => {
    const [v1, v2] = [newVersion(), newVersion()]
    await broker.ensureVersion(v1)
    await broker.ensureVersion(v2)
    const one = await dial(await unlimitedUser(v1))
    const two = await dial(await unlimitedUser(v2))
    const heard: string[] = []
    one.subscribe('>', { callback: (_error, message) => void heard.push(message.subject) })
    await one.flush()
    two.publish('wv.x', 'from v2')
    await two.flush()
    one.publish('wv.x.own', 'from v1')
    await eventually('its own message', () => heard.length > 0)
    expect(heard).toEqual(['wv.x.own'])
    await expect(two.request('wv.x', '?', { timeout: 500 })).rejects.toThrow(/^no responders/)
  })
})

describe('weavelets', () => {
  const answerAs = async (identity: VersionIdentity, group: BrokerGroup, inFlight: number): Promise<void> => {
    const nc = await member(identity, group)
    nc.subscribe(controlAllSubject(identity.deploymentId), {
      callback: (_error, message) => {
        const reply = { kind: 'status', replica: group.name, inFlight } as unknown as ControlReply // what the test looks at
        message.respond(JSON.stringify(reply))
      },
    })
    await nc.flush()
  }

  it('answer for their own version only, also when two apps have one deployment id', async () => {
    const v1 = newVersion()
    const twin = { ...v1, appUid: 'uid-2' }
    await broker.ensureVersion(v1)
    await broker.ensureVersion(twin)
    await answerAs(v1, FRONT, 1)
    await answerAs(v1, CART, 2)
    await answerAs(twin, FRONT, 40)
    const sum = async (identity: VersionIdentity, ...expected: string[]) =>
      (await broker.weavelets(identity, { expect: expected })).reduce((all, w) => all + w.inFlight, 0)
    expect([await sum(v1, 'front', 'cart'), await sum(twin, 'front'), await sum(v1, 'front', 'cart')]).toEqual([3, 40, 3])
  })

  it('that are not there are not waited for', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    const started = Date.now()
    expect(await broker.weavelets(v1, { expect: ['a', 'b', 'c'], waitMs: 50_000 })).toEqual([])
    expect(Date.now() - started).toBeLessThan(25_000)
  })

  it('can be asked again after the account was closed and opened', async () => {
    const v1 = newVersion()
    await broker.ensureVersion(v1)
    await answerAs(v1, FRONT, 1)
    expect(await broker.weavelets(v1, { expect: ['front'] })).toHaveLength(1)
    await broker.removeVersion(v1)
    await expect(broker.weavelets(v1, { expect: ['front'] })).rejects.toMatchObject({ code: 'WEAVER_BROKER_CONNECT' })
    await broker.ensureVersion(v1)
    await answerAs(v1, FRONT, 7)
    const asked = await Promise.all([1, 2, 3].map(() => broker.weavelets(v1, { expect: ['front'] })))
    expect(asked.map((answers) => answers.map((w) => w.inFlight))).toEqual([[7], [7], [7]])
    expect(await connectionsOf(v1, 'weaver-operator')).toBe(1)
  })
})

describe('an outage', () => {
  it('of one server: versions are made and calls go on over the others', async () => {
    const v1 = newVersion()
    await cluster.stop(0) // the one that the operator dialled first
    await eventually('the operator on another server', () => succeeds(broker.ensureVersion(v1)))
    for (const server of [1, 2]) expect(await isAdmitted(v1, server)).toBe(true)
    await cluster.start(0)
    await eventually('the server that came back', () => isAdmitted(v1, 0))
  })

  it('of all servers is an error at once that names them; nothing is sent late; and it goes on by itself', async () => {
    const v1 = newVersion()
    const own = await startOperator()
    for (const server of SERVERS) await cluster.stop(server)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const started = Date.now()
    for (const work of [own.ensureVersion(v1), own.removeVersion(v1)]) {
      const error = (await work.catch((e: unknown) => e)) as Error & { readonly code?: string }
      expect(error.code).toBe('WEAVER_BROKER_NOT_CONNECTED')
      for (const url of cluster.servers) expect(error.message).toContain(url)
    }
    await expect(own.weavelets(v1, { expect: ['front'] })).rejects.toMatchObject({
      code: 'WEAVER_BROKER_CONNECT',
      message: expect.stringContaining(cluster.servers[2] ?? '-'),
    })
    expect(Date.now() - started).toBeLessThan(12_000)
    await Promise.all(SERVERS.map((server) => cluster.start(server)))
    const other = newVersion()
    // What is claimed is that it goes on by itself, not how soon: a starved machine takes its time.
    await eventually('the connection', () => succeeds(own.ensureVersion(other)))
    for (const server of SERVERS) {
      expect(await isAdmitted(other, server)).toBe(true)
      expect(await isAdmitted(v1, server)).toBe(false)
    }
  }, 80_000)

  it('of a server that hangs ends in an error within seconds, and the account is complete when it goes on', async () => {
    const v1 = newVersion()
    const own = await startOperator(cluster.servers.slice(0, 1))
    cluster.freeze(0)
    try {
      const error = (await own.ensureVersion(v1).catch((e: unknown) => e)) as Error & { readonly code?: string }
      expect(error).toMatchObject({ code: 'WEAVER_BROKER_PUSH' })
      expect(error.message).toContain(cluster.servers[0] ?? '-')
    } finally {
      cluster.thaw(0)
    }
    await eventually('the push', () => succeeds(own.ensureVersion(v1)))
    expect(await admittedBy(v1)).toEqual(SERVERS)
  })

  it('before the first connection is waited out', async () => {
    for (const server of SERVERS) await cluster.stop(server)
    const starting = startOperator()
    await new Promise((resolve) => setTimeout(resolve, 500))
    await Promise.all(SERVERS.map((server) => cluster.start(server)))
    const v1 = newVersion()
    const own = await starting
    await eventually('the push', () => succeeds(own.ensureVersion(v1)))
    expect(await isAdmitted(v1, 0)).toBe(true)
  })
})
