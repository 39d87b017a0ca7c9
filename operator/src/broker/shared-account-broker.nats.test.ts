import { connect, type NatsConnection } from '@nats-io/transport-node'
import { controlAllSubject, controlSubject, type ControlReply } from '@weaver/sdk/contract'
import { startPlainNatsServer, type PlainNatsServer } from '../testing/nats-cluster.js'
import { createSharedAccountBroker } from './shared-account-broker.js'
import type { Broker } from './broker.js'

// A broker of the user's own, without operator mode and, here, without users: all that the operator
// can do there is ask.
const V1 = { appUid: 'u', versionId: '00000001', deploymentId: 'shop-00000001', groups: [], layout: 2 } as const
const V2 = { ...V1, versionId: '00000002', deploymentId: 'shop-00000002' }

let server: PlainNatsServer
let broker: Broker
let weavelet: NatsConnection

beforeAll(async () => {
  server = await startPlainNatsServer()
  broker = createSharedAccountBroker({ servers: [server.url], creds: undefined })
  weavelet = await connect({ servers: server.url })
  for (const identity of [V1, V2])
    weavelet.subscribe(controlAllSubject(identity.deploymentId), {
      callback: (_error, message) =>
        void message.respond(JSON.stringify({ kind: 'status', replica: 'r-0', inFlight: Number(identity.versionId) })),
    })
  await weavelet.flush()
})
afterAll(async () => {
  await broker?.close()
  await weavelet?.close()
  await server?.close()
})

describe('shared account', () => {
  it('says that it does not keep versions apart', () => {
    expect(broker.isolation).toBe('shared-account')
    expect(broker.servers).toEqual([server.url])
  })

  it('gives every group the credentials of the user, and makes and removes nothing', async () => {
    const creds = '-----BEGIN NATS USER JWT-----'
    const shared = createSharedAccountBroker({ servers: [server.url], creds })
    for (const name of ['front', 'cart']) expect(await shared.groupCredentials(V1, name)).toBe(creds)
    await shared.ensureVersion(V1)
    await shared.removeVersion(V1)
    await shared.close()
  })

  it('asks the weavelets of one version', async () => {
    for (const identity of [V1, V2])
      expect((await broker.weavelets(identity, { expect: ['r-0'] })).map((w) => w.inFlight)).toEqual([Number(identity.versionId)])
    await broker.removeVersion(V1)
    expect(await broker.weavelets(V2, { expect: ['r-0'] })).toHaveLength(1)
  })

  it('has them say goodbye, where that is asked', async () => {
    const heard: unknown[] = []
    weavelet.subscribe(controlAllSubject(V1.deploymentId), { callback: (_, message) => void heard.push(message.json()) })
    await weavelet.flush()
    await broker.weavelets(V1, { expect: ['r-0'], goodbye: true })
    await broker.weavelets(V1, { expect: ['r-0'] })
    await weavelet.flush()
    expect(heard).toEqual([{ kind: 'status', goodbye: true }, { kind: 'status' }])
  })

  it('takes the metrics of the weavelets that give them in time and in reasonable size, by the names that it asked', async () => {
    const metrics: ControlReply = { kind: 'metrics', replica: 'liar', group: 'g', versionId: 'v', families: [] }
    const part = (index: number): ControlReply => ({ kind: 'part', id: 'a', index, count: 99, data: 'x'.repeat(900_000) })
    const replies: Readonly<Record<string, readonly ControlReply[]>> = {
      good: [metrics],
      endless: Array.from({ length: 12 }, (_, i) => part(i)),
      older: [{ kind: 'error', code: 'WEAVER_CONTROL_INVALID', message: 'unknown request' }],
      silent: [],
    }
    const asked: string[] = []
    for (const [replica, all] of Object.entries(replies))
      weavelet.subscribe(controlSubject(V1.deploymentId, replica), {
        callback: (_, message) => {
          asked.push(message.string())
          for (const reply of all) message.respond(JSON.stringify(reply))
        },
      })
    await weavelet.flush()
    const found = await broker.metrics(V1, { replicas: ['good', 'endless', 'older', 'gone'], waitMs: 60_000 })
    expect(found).toEqual([{ ...metrics, replica: 'good' }])
    expect(asked).toEqual(Array.from({ length: 3 }, () => '{"kind":"metrics"}'))
    const nothing = [[], ['silent'], ['good']].map((names, i) => broker.metrics(V1, { replicas: names, waitMs: i === 2 ? 0 : 100 }))
    expect(await Promise.all(nothing)).toEqual([[], [], []])
  })

  it('stops asking when told to', async () => {
    const quiet = { ...V1, deploymentId: 'quiet-00000001' }
    weavelet.subscribe(controlAllSubject(quiet.deploymentId), { callback: () => undefined })
    await weavelet.flush()
    const why = new Error('shutting down')
    const started = Date.now()
    await expect(broker.weavelets(quiet, { expect: ['r-0'], waitMs: 50_000, signal: AbortSignal.abort(why) })).rejects.toBe(why)
    const stop = new AbortController()
    setTimeout(() => stop.abort(why), 50)
    await expect(broker.weavelets(quiet, { expect: ['r-0'], waitMs: 50_000, signal: stop.signal })).rejects.toBe(why)
    expect(Date.now() - started).toBeLessThan(25_000)
  })

  it('says which server is not there, and which right is missing', async () => {
    const nowhere = createSharedAccountBroker({ servers: ['nats://127.0.0.1:1'], creds: undefined })
    await expect(nowhere.weavelets(V1, { expect: ['r-0'] })).rejects.toMatchObject({
      code: 'WEAVER_BROKER_CONNECT',
      message: expect.stringContaining('nats://127.0.0.1:1'),
    })
    await nowhere.close()
    // Who dials without a name is this user, who may not hear answers.
    const strict = await startPlainNatsServer([
      'no_auth_user: u',
      'authorization { default_permissions = { publish = "wv.>", subscribe = "other" }, users = [{ user: u, password: p }] }',
    ])
    const narrow = createSharedAccountBroker({ servers: [strict.url], creds: undefined })
    try {
      await expect(narrow.weavelets(V1, { expect: ['r-0'], waitMs: 5_000 })).rejects.toMatchObject({ code: 'WEAVER_BROKER_REFUSED' })
    } finally {
      await narrow.close()
      await strict.close()
    }
  })
})
