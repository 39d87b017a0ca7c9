/**
 * The start of weavelets that need each other, over a real broker: whoever comes first waits for
 * what it needs, and no longer.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import type { ComponentBinding } from '../component/binding.js'
import { component, implement } from '../component/component.js'
import { lazyRef, optionalRef, ref } from '../component/construction.js'
import { everyReplicaSubject } from '../contract/subjects.js'
import { bindByHand, genByHand, startByHand, type TestWeavelet } from '../testing/hand-made-app.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'

interface Chain {
  say(): Promise<string>
}
const A = component<Chain>('chain/A')
const B = component<Chain>('chain/B')
const C = component<Chain>('chain/C')
const D = component<Chain>('chain/D')

/** What was said in `init()` and in `shutdown()`, in order. */
let said: string[]
abstract class Link implements Chain {
  readonly next: Chain | undefined
  abstract readonly name: string
  async init(): Promise<void> {
    said.push(`init ${await this.say()}`)
  }
  shutdown(): void {
    said.push(`shutdown ${this.name}`)
  }
  async say(): Promise<string> {
    return this.next === undefined ? this.name : `${this.name} ${await this.next.say()}`
  }
}
// A → B → C → D
class AImpl extends Link {
  readonly name = 'a'
  override readonly next = ref(B)
}
class BImpl extends Link {
  readonly name = 'b'
  override readonly next = ref(C)
}
class CImpl extends Link {
  readonly name = 'c'
  override readonly next = ref(D)
}
class DImpl extends Link {
  readonly name = 'd'
}
class Nothing {
  main(): void {}
}
const link = (token: typeof A, create: new () => Chain, ...refs: readonly string[]): ComponentBinding =>
  bindByHand(token, implement(token, create), { methods: ['say'], refs })
const weaver = genByHand([link(A, AImpl, 'chain/B'), link(B, BImpl, 'chain/C'), link(C, CImpl, 'chain/D'), link(D, DImpl)])

let nats: NatsServer
let weavelets: Promise<TestWeavelet>[]
beforeEach(async () => {
  nats = await startNatsServer()
  said = []
  weavelets = []
})
afterEach(async () => {
  for (const started of await Promise.allSettled(weavelets)) if (started.status === 'fulfilled') await started.value.weavelet.stop()
  await nats.stop()
})

type Given = Omit<NonNullable<Parameters<typeof startByHand>[2]>, 'bootstrap'>

function launch(group: string, components: readonly string[], more: Given & { readonly gen?: typeof weaver } = {}) {
  const { gen = weaver, ...given } = more
  const started = startByHand(Nothing, gen, {
    ...given,
    bootstrap: { group, replica: `${group}-0`, components, nats: { servers: [nats.url] } },
  })
  weavelets.push(started)
  return started
}

it('groups that come in the wrong order, long before each other, start in the right one', async () => {
  const first = launch('one', ['chain/A'])
  await sleep(1_300) // longer than a call waits for somebody who listens
  const second = launch('two', ['chain/B', 'chain/C'])
  await sleep(100)
  expect(said).toEqual([])
  const third = launch('three', ['chain/D'])
  const [{ weavelet, logs }] = await Promise.all([first, second, third])
  expect(said).toEqual(['init d', 'init c d', 'init b c d', 'init a b c d'])
  expect(await weavelet.isReady()).toBe(true)
  expect(logs.filter(({ level }) => level === 'warn')).toEqual([])
})

it('groups that need each other start: what has started answers while another of its process waits', async () => {
  await Promise.all([launch('one', ['chain/A', 'chain/C']), launch('two', ['chain/B', 'chain/D'])])
  expect(said).toEqual(['init d', 'init c d', 'init b c d', 'init a b c d'])
})

it('what started last is shut down first, also where a component that is constructed first has waited for another process', async () => {
  const first = launch('one', ['chain/A', 'chain/C'])
  await launch('two', ['chain/B', 'chain/D'])
  const { weavelet } = await first
  expect(await weavelet.stop()).toBe(true)
  expect(said.slice(4)).toEqual(['shutdown a', 'shutdown c'])
})

it('a start in which everything is there asks once', async () => {
  await launch('two', ['chain/B', 'chain/C', 'chain/D'])
  const client = await connect({ servers: nats.url })
  try {
    const asked: string[] = []
    client.subscribe(everyReplicaSubject('test-1', 'chain/B'), { callback: (_, { subject }) => void asked.push(subject) })
    await client.flush()
    await launch('one', ['chain/A'])
    await client.flush()
    expect(asked).toEqual([everyReplicaSubject('test-1', 'chain/B')])
  } finally {
    await client.close()
  }
})

it('the wait outlives a broker that goes and comes back', async () => {
  const { port } = nats
  const first = launch('one', ['chain/C'])
  await sleep(200)
  await nats.stop()
  await sleep(200)
  nats = await startNatsServer({ port })
  await launch('two', ['chain/D'])
  await first
  expect(said).toEqual(['init d', 'init c d'])
})

it('goes on after its time with a warning, and the call says why it fails', async () => {
  const started = launch('one', ['chain/C'], { startWaitMs: 200 })
  await expect(started).rejects.toMatchObject({ code: 'WEAVER_INIT_FAILED', cause: { code: 'WEAVER_RPC_UNAVAILABLE' } })
})

it('a start that is told to stop while it waits ends at once', async () => {
  const stop = new AbortController()
  const started = launch('one', ['chain/A', 'chain/D'], { signal: stop.signal })
  await sleep(200)
  expect(said).toEqual(['init d'])
  stop.abort()
  const { weavelet, logs } = await started // and not after the minute that it would have waited
  expect(await weavelet.stop()).toBe(true)
  expect(logs.filter(({ level }) => level === 'warn')).toEqual([])
})

it('lazy and optional refs are not waited for', async () => {
  class Free implements Chain {
    readonly lazy = lazyRef(B)
    readonly optional = optionalRef(C)
    async say() {
      return this.optional?.say() ?? ''
    }
  }
  const gen = genByHand([link(A, Free, 'chain/B', 'chain/C'), link(B, BImpl, 'chain/C'), link(C, CImpl, 'chain/D'), link(D, DImpl)])
  const { weavelet } = await launch('one', ['chain/A'], { gen })
  await launch('two', ['chain/B', 'chain/C', 'chain/D'], { gen })
  expect(await weavelet.ref(A).say()).toBe('c d')
})
