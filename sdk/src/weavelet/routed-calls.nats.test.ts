/**
 * Routed calls between whole weavelets of one group, each with caller and callee: a call belongs
 * where its key does, though there is an object at hand.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { component, implement, type Main } from '../component/component.js'
import { ref } from '../component/construction.js'
import { startAssignmentController, type AssignmentController } from '@weaver/deployer'
import { ownerOf } from '../contract/assignment.js'
import { shardKey } from '../contract/shard-key.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import { context } from '../context/context.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'
import { bindByHand, genByHand, startByHand } from '../testing/hand-made-app.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'
import type { Weavelet } from './weavelet.js'

interface Cache {
  /** Key, and the replica that called. */
  get(key: string): Promise<string>
  any(key: string): Promise<string>
}
const Cache = component<Cache>('shop/Cache', { router: { get: (key) => key } })
const KEYS = Array.from({ length: 40 }, (_, i) => `user-${i}`)
const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => log }

let nats: NatsServer
let deployer: Transport
let controller: AssignmentController
let weavelets: Weavelet[]
beforeEach(async () => {
  nats = await startNatsServer()
  weavelets = []
  deployer = await connectNats({ servers: [nats.url], name: 'deployer', inboxPrefix: 'wv.test-1.i.deployer', log })
  controller = startAssignmentController({ deploymentId: 'test-1', port: deployer, startMs: 50 })
})
afterEach(async () => {
  controller.close()
  await Promise.all(weavelets.map((weavelet) => weavelet.stop()))
  await deployer.close()
  await nats.stop()
})

/** A weavelet with main and cache; its cache notes what it was asked. */
async function launch(replica: string) {
  const asked: string[] = []
  class CacheImpl implements Cache {
    async get(key: string) {
      asked.push(key)
      return `${replica} for ${context().caller?.replica}`
    }
    async any() {
      return replica
    }
  }
  let held: Cache | undefined
  class App implements Main {
    readonly cache = ref(Cache)
    main() {
      held = this.cache
    }
  }
  const cache = bindByHand(Cache, implement(Cache, CacheImpl), { methods: ['get', 'any'] })
  const { weavelet } = await startByHand(App, genByHand([cache], { refs: ['shop/Cache'] }), {
    bootstrap: { replica, components: ['weaver/Main', 'shop/Cache'], nats: { servers: [nats.url] } },
  })
  weavelets.push(weavelet)
  return { asked, weavelet, cache: held as unknown as Cache } // main has run
}

async function assigned(...replicas: readonly string[]) {
  for (;;) {
    const assignment = controller.assignments.get('shop/Cache')
    if (assignment?.replicas.join() === replicas.join()) return assignment
    await sleep(10)
  }
}

it('go to the owner of the key, by the straight way only when that is here', async () => {
  const [first, second] = [await launch('main-0'), await launch('main-1')]
  const assignment = await assigned('main-0', 'main-1')
  await sleep(50) // until both have heard of it
  const owners = KEYS.map((key) => ownerOf(assignment, shardKey(key)))
  expect(new Set(owners)).toEqual(new Set(['main-0', 'main-1']))
  expect(await Promise.all(KEYS.map((key) => first.cache.get(key)))).toEqual(owners.map((owner) => `${owner} for main-0`))
  expect(await Promise.all(KEYS.map((key) => second.cache.get(key)))).toEqual(owners.map((owner) => `${owner} for main-1`))
  for (const key of KEYS) expect(first.asked.includes(key)).toBe(!second.asked.includes(key))
  // A method without a router stays where it is.
  expect(await Promise.all(KEYS.map((key) => first.cache.any(key)))).toEqual(KEYS.map(() => 'main-0'))
  // While one drains its keys are served by the other; its own last calls find it.
  await second.weavelet.stop()
  expect(await Promise.all(KEYS.map((key) => first.cache.get(key)))).toEqual(KEYS.map(() => 'main-0 for main-0'))
})

it('stay here while nobody has assigned anything', async () => {
  controller.close()
  const { cache } = await launch('main-0')
  await launch('main-1')
  expect(await Promise.all(KEYS.map((key) => cache.get(key)))).toEqual(KEYS.map(() => 'main-0 for main-0'))
})
