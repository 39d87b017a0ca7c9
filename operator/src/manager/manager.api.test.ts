import type { WeaverApp } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { KINDS, type KubeClient, type KubeObject } from '@weaver/kube'
import { eventually } from '@weaver/sdk/test-support'
import { createOperatorClient } from '../kube/operator-client.js'
import { createLogger } from '../log/logger.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createClusterPlayer } from '../testing/cluster-player.js'
import { createFakeBroker } from '../testing/fake-broker.js'
import { createFakeTrafficDriver } from '../testing/fake-traffic-driver.js'
import { createNoneDriver } from '../traffic/none/none-driver.js'
import { ensureBrokerSecret } from './ensure-broker-secret.js'
import { startManager, type Manager } from './manager.js'

// Real reflectors, queue, lease and events against a real API server, in real time.
// `cluster-player` plays the controllers; broker and driver are fakes.

const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [{ name: 'weaver/Main', methods: [], refs: [], listeners: ['lis'] }],
}
const NAMESPACE = 'managed'
let server: ApiServer

beforeAll(async () => {
  server = await startApiServer()
  await server.api.create(KINDS.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
}, 300_000)
afterAll(async () => {
  await server?.close()
})

describe('manager', () => {
  it('rolls a version out, hands over to the next leader in the middle, and ends there', async () => {
    const player = createClusterPlayer(server.api, NAMESPACE)
    for (const [image, digest] of [
      ['reg/app:v1', '1'],
      ['reg/app:v2', '2'],
    ] as const)
      player.images.set(image, { graph: GRAPH, digest: digest.repeat(64) })
    const broker = createFakeBroker()
    const proxy = createFakeTrafficDriver()
    const clients: KubeClient[] = []
    const lost: string[] = []
    const start = (identity: string): Manager => {
      const client = createOperatorClient({ config: server.config })
      clients.push(client)
      return startManager({
        client: { ...client, podLogs: async (_namespace, pod) => player.logOf(pod) },
        broker,
        drivers: { proxy, none: createNoneDriver() },
        log: createLogger({ level: 'error' }),
        namespace: NAMESPACE,
        identity,
        watchNamespaces: [NAMESPACE],
        onLost: () => lost.push(identity),
      })
    }
    const stop = new AbortController()
    const playing = (async () => {
      while (!stop.signal.aborted) {
        await player.tick().catch(() => undefined) // an object that changed meanwhile is played in the next tick
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    const status = async () => (await server.api.get<WeaverApp & KubeObject>(KINDS.weaverApps, NAMESPACE, 'hello'))?.status
    const apply = (image: string) =>
      server.api.apply(KINDS.weaverApps, {
        apiVersion: 'weaver.dev/v1alpha1',
        kind: 'WeaverApp',
        metadata: { name: 'hello', namespace: NAMESPACE },
        spec: { image, listeners: [{ name: 'lis' }], rollout: { duration: '5s', drainTimeout: '5s' } },
      })
    const first = start('first')
    const second = start('second')
    try {
      await eventually('one leader', async () => first.isLeader || second.isLeader)
      expect(first.isLeader && second.isLeader).toBe(false)
      await eventually('both ready', async () => first.isReady && second.isReady)
      await apply('reg/app:v1')
      const v1 = await eventually('v1 serves', async () => ((await status())?.phase === 'Ready' ? (await status())?.active : undefined))
      await apply('reg/app:v2')
      await eventually('half way', async () => (await status())?.versions?.some((v) => v.id !== v1 && v.weightDesired === 50))
      const [leader, other] = first.isLeader ? [first, second] : [second, first]
      await leader.close()
      await leader.close()
      await eventually('the other leads', async () => other.isLeader)
      const v2 = await eventually('v2 serves alone', async () => {
        const s = await status()
        return s?.phase === 'Ready' && s.active !== v1 && s.versions?.length === 1 ? s.active : undefined
      })
      expect([...broker.accounts]).toEqual([v2])
      expect(proxy.violations).toEqual([])
      expect(lost).toEqual([])
      await other.close()
      const events = await server.api.list<KubeObject & { readonly reason?: string }>(KINDS.events, { namespace: NAMESPACE })
      expect(events.items.map((e) => e.reason)).toEqual(
        expect.arrayContaining(['RolloutStarted', 'StepStarted', 'Promoted', 'VersionRemoved']),
      )
    } finally {
      await first.close()
      await second.close()
      stop.abort()
      await playing
      for (const client of clients) await client.close()
    }
  }, 300_000)
})

describe('keygen', () => {
  it('makes the Secret once, and refuses one that lacks a key', async () => {
    const secret = { namespace: NAMESPACE, name: 'broker-auth' }
    expect((await Promise.all([ensureBrokerSecret(server.api, secret), ensureBrokerSecret(server.api, secret)])).sort()).toEqual([
      'made',
      'was there',
    ])
    const made = await server.api.get(KINDS.secrets, NAMESPACE, secret.name)
    expect(await ensureBrokerSecret(server.api, secret)).toBe('was there')
    expect(await server.api.get(KINDS.secrets, NAMESPACE, secret.name)).toEqual(made)
    await server.api.create(KINDS.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'other', namespace: NAMESPACE } })
    await expect(ensureBrokerSecret(server.api, { namespace: NAMESPACE, name: 'other' })).rejects.toThrow(
      /lacks operator.seed, system.creds, auth.conf, route.password; delete it/,
    )
  })
})
