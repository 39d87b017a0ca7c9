/**
 * Leaders and owners of keys while versions come and go: a real API server, a real nats-server,
 * real weavelets in this process.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { deploymentId } from '@weaver/crds'
import { KINDS } from '@weaver/kube'
import { component, implement, type Lease, type Main } from '@weaver/sdk'
import { assignmentSubject, controlAllSubject, type Assignment, type ComponentGraph, type RoutingStatus } from '@weaver/sdk/contract'
import { bindByHand, eventually, genByHand, startByHand } from '@weaver/sdk/test-support'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { isReady, LEASE_MS, spec, Story, V1, V2 } from '../testing/app-story.js'
import { startPlainNatsServer, type PlainNatsServer } from '../testing/nats-cluster.js'

interface Foreman {
  get(key: string): Promise<string>
}
const Foreman = component<Foreman>('shop/Foreman', { leader: 'app', router: { get: (key) => key } })
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    {
      name: 'shop/Foreman',
      methods: [{ name: 'get', signature: '', routed: true }],
      refs: [],
      listeners: [],
      leader: 'app',
      balance: 'load',
    },
    { name: 'weaver/Main', methods: [], refs: [], listeners: ['lis'] },
  ],
}
class App implements Main {
  main(): void {
    // The component is what is looked at.
  }
}

let server: ApiServer
let nats: PlainNatsServer
let client: NatsConnection
let story: Story
/** `v1 leads`, `v1 ends`, in order, and the tokens. */
let events: string[]
let tokens: number[]
const stopping: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
beforeEach(async () => {
  ;[events, tokens] = [[], []]
  nats = await startPlainNatsServer()
  client = await connect({ servers: nats.url })
  story = await Story.start(server)
  story.broker.natsUrl = nats.url
  for (const [image, digit] of [
    [V1, '1'],
    [V2, '2'],
  ] as const)
    story.player.images.set(image, { graph: GRAPH, digest: digit.repeat(64) })
})
afterEach(async () => {
  await Promise.all(stopping.splice(0).map((stop) => stop()))
  await story.control.close()
  await client.close()
  await nats.close()
})
afterAll(async () => {
  await server?.close()
})

async function deployed(versionId: string): Promise<string> {
  return deploymentId({ name: 'hello', uid: (await story.app())?.metadata.uid ?? '' }, versionId)
}

/** A pod of the version, as far as the broker sees it. */
async function startPod(name: string, versionId: string, replica: string = name): Promise<void> {
  class ForemanImpl implements Foreman {
    async lead({ token, signal }: Lease): Promise<void> {
      events.push(`${name} leads`)
      tokens.push(token)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await sleep(50)
      events.push(`${name} ends`)
    }
    async get(): Promise<string> {
      return name
    }
  }
  const gen = genByHand([bindByHand(Foreman, implement(Foreman, ForemanImpl), { methods: ['get'] })])
  const { weavelet } = await startByHand(App, gen, {
    bootstrap: { components: ['shop/Foreman'], deploymentId: await deployed(versionId), versionId, replica, nats: { servers: [nats.url] } },
  })
  stopping.push(() => weavelet.stop())
}

const until = (what: string, isSo: () => boolean, withinMs?: number) =>
  eventually(what, isSo, { ...(withinMs === undefined ? {} : { withinMs }), soFar: () => events })
const storedLeases = async () => (await story.admin.list(KINDS.leases, { namespace: story.namespace })).items
const abort = () =>
  story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': 'true' } } })

async function v1Leads(): Promise<string> {
  await story.applySpec(spec(V1))
  const { active: v1 = '' } = await story.until('v1 serves', isReady)
  await startPod('v1', v1)
  await until('v1 leads', () => events.length === 1)
  return v1
}

describe('the leader of all versions', () => {
  it('moves at the promotion, when the old one has ended, to a greater token, and leaves nothing of the old version', async () => {
    const v1 = await v1Leads()
    await story.applySpec(spec(V2))
    const { preview: v2 = '' } = await story.until('traffic moves', (s) => s.phase === 'Progressing' && s.preview !== undefined)
    await startPod('v2', v2)
    await sleep(LEASE_MS)
    expect(events).toEqual(['v1 leads'])
    await story.until('the promotion', (s) => s.active === v2)
    await until('v2 leads', () => events.length === 3, LEASE_MS)
    expect(events).toEqual(['v1 leads', 'v1 ends', 'v2 leads'])
    expect(tokens[1]).toBeGreaterThan(tokens[0] ?? Infinity)
    await story.until('v1 is gone', story.isServing(v2))
    const [lease, ...more] = await storedLeases()
    expect(more).toEqual([])
    expect(lease?.['spec']).toMatchObject({ holderIdentity: expect.stringContaining(await deployed(v2)), leaseTransitions: 1 })
    expect((await story.status()).active).not.toBe(v1)
  })

  it('stays where it is when the rollout is aborted', async () => {
    const v1 = await v1Leads()
    await story.applySpec(spec(V2))
    const { preview: v2 = '' } = await story.until('traffic moves', (s) => s.phase === 'Progressing' && s.preview !== undefined)
    await startPod('v2', v2)
    await abort()
    await story.until('v1 alone', (s) => s.active === v1 && s.versions?.length === 1)
    await sleep(LEASE_MS)
    expect(events).toEqual(['v1 leads'])
  })

  it('does not notice that the operator is replaced', async () => {
    await v1Leads()
    story.restartOperator()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    await sleep(2 * LEASE_MS)
    expect(events).toEqual(['v1 leads'])
  })

  it('stops when there is no operator, and is back with it', async () => {
    await v1Leads()
    await story.control.close()
    await until('v1 ends', () => events.includes('v1 ends'), LEASE_MS)
    story.restartOperator()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    await until('v1 leads again', () => events.length === 3)
    expect(tokens[1]).toBeGreaterThan(tokens[0] ?? Infinity)
  })
})

describe('the owners of keys', () => {
  it('are told by the operator, in each version to its own; epochs go on over a restart, also against a clock that was ahead', async () => {
    await story.applySpec(spec(V1))
    const { active: v1 = '' } = await story.until('v1 serves', isReady)
    const heard: Assignment[] = []
    const subject = assignmentSubject(await deployed(v1), 'shop/Foreman')
    client.subscribe(subject, { callback: (_, { data }) => void heard.push(JSON.parse(Buffer.from(data).toString()) as Assignment) })
    // A caller that knows what it has heard, as weavelets do.
    client.subscribe(controlAllSubject(await deployed(v1)), {
      callback(_, message) {
        const known: RoutingStatus = { kind: 'routing', assignments: heard.slice(-1) }
        message.respond(Buffer.from(JSON.stringify(known)))
      },
    })
    await startPod('one', v1)
    await until('an assignment', () => heard.at(-1)?.replicas.join() === 'one')
    expect(heard.at(-1)?.isLoadWanted).toBe(true) // as the component's `balance` says
    // As from an operator whose clock is an hour ahead.
    const ahead: Assignment = {
      component: 'shop/Foreman',
      replicas: ['one'],
      owners: heard.at(-1)?.owners ?? [],
      epoch: Date.now() + 3_600_000,
    }
    client.publish(subject, Buffer.from(JSON.stringify(ahead)))
    await until('it to be heard', () => heard.at(-1)?.epoch === ahead.epoch)
    story.restartOperator()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    await startPod('two', v1)
    await until('the next assignment', () => heard.at(-1)?.replicas.length === 2)
    expect(heard.at(-1)?.epoch).toBeGreaterThan(ahead.epoch)
    expect(heard.map(({ epoch }) => epoch)).toEqual(heard.map(({ epoch }) => epoch).sort((a, b) => a - b))
  })

  it('are not told any more when the version is gone', async () => {
    await story.applySpec(spec(V1))
    const { active: v1 = '' } = await story.until('v1 serves', isReady)
    const heard: string[] = []
    client.subscribe('wv.*.ctl.a.>', { callback: (_, { subject }) => void heard.push(subject) })
    await startPod('one', v1)
    await until('an assignment', () => heard.length > 0)
    await story.applySpec(spec(V2))
    await story.until('v2 serves', (s) => s.phase === 'Ready' && s.active !== v1 && s.versions?.length === 1)
    heard.length = 0
    await startPod('late', v1)
    await sleep(1_000)
    expect(heard).toEqual([])
  })
})
