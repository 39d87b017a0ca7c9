/** The stop of a weavelet that serves calls which do not end, over a real broker. */
import { createServer } from 'node:http'
import { component, implement, type Main } from '../component/component.js'
import { listener, ref } from '../component/construction.js'
import { parseClosingEvent } from '../contract/control.js'
import { eventSubject } from '../contract/subjects.js'
import { context } from '../context/context.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import { createLogger } from '../telemetry/logger.js'
import { bindByHand, genByHand, startByHand, type TestWeavelet } from '../testing/hand-made-app.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'

interface Back {
  stuck(): Promise<string>
  heedful(): Promise<string>
  endless(): AsyncIterable<number>
}
const Back = component<Back>('shop/Back', { notRetriable: ['stuck', 'heedful'] })

let nats: NatsServer
let events: string[]
const started: TestWeavelet[] = []
beforeEach(async () => {
  nats = await startNatsServer()
  events = []
})
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ weavelet }) => weavelet.stop()))
  await nats.stop()
})

class BackImpl implements Back {
  async stuck(): Promise<string> {
    events.push('stuck')
    return new Promise(() => undefined)
  }
  async heedful(): Promise<string> {
    events.push('heedful')
    const { signal } = context()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    events.push((signal.reason as Error).name) // a DOMException
    return 'given up'
  }
  async *endless(): AsyncGenerator<number> {
    for (let i = 0; ; i++) {
      yield i
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  shutdown(): void {
    events.push('shutdown')
  }
}
class App implements Main {
  readonly back = ref(Back)
  main(): void {
    // The test calls.
  }
}
const gen = genByHand([bindByHand(Back, implement(Back, BackImpl), { methods: ['stuck', 'heedful', 'endless'], streams: ['endless'] })], {
  refs: ['shop/Back'],
})

async function launch(replica: string, components: readonly string[]): Promise<TestWeavelet> {
  const bootstrap = { components, replica, group: replica, nats: { servers: [nats.url] }, shutdownGraceMs: 1_000 }
  const weavelet = await startByHand(App, gen, { bootstrap })
  started.push(weavelet)
  return weavelet
}

it('tells calls that go on to end, leaves those that do not, and shuts down', async () => {
  const back = await launch('back', ['shop/Back'])
  const front = await launch('front', ['weaver/Main'])
  const held = front.weavelet.ref(Back)
  const stuck = held.stuck().catch((error: unknown) => error)
  const heedful = held.heedful()
  for (let tries = 0; events.length < 2 && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(events.sort()).toEqual(['heedful', 'stuck'])
  expect(await back.weavelet.stop()).toBe(false)
  expect(events.slice(2)).toEqual(['AbortError', 'shutdown'])
  expect(await heedful).toBe('given up')
  expect(await stuck).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
  expect(back.logs.find(({ level }) => level === 'error')?.message).toMatch(/^calls were cancelled/)
})

it('cuts an endless stream off, says so, and was not clean', async () => {
  const back = await launch('back', ['shop/Back'])
  const front = await launch('front', ['weaver/Main'])
  const items = front.weavelet.ref(Back).endless()[Symbol.asyncIterator]()
  await items.next()
  const reading = (async () => {
    while ((await items.next()).done !== true);
  })().catch((error: unknown) => error)
  expect(await back.weavelet.stop()).toBe(false)
  expect(await reading).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST' })
  expect(back.logs.filter(({ level }) => level === 'error')).toMatchObject([
    { message: 'streams were cut off: they were not done in time for the stop', fields: { streams: 1 } },
  ])
})

it('notifies the deployer that its listeners close', async () => {
  class Web implements Main {
    readonly http = listener('lis')
    async main(): Promise<void> {
      await this.http.serve(createServer((_, response) => void response.end('served')))
    }
  }
  const deploymentId = 'test-1'
  const log = createLogger({ level: 'error', write: () => undefined })
  const deployer = await connectNats({ servers: [nats.url], name: 'deployer', inboxPrefix: 'wv.test-1.i.deployer', log })
  const { weavelet } = await startByHand(Web, genByHand([], { listeners: ['lis'] }), {
    bootstrap: { deploymentId, replica: 'web-0', components: ['weaver/Main'], nats: { servers: [nats.url] }, preStopMs: 100 },
  })
  try {
    const told = new Promise((resolve) => deployer.subscribe(eventSubject(deploymentId), ({ data }) => resolve(parseClosingEvent(data))))
    await deployer.flush()
    const stopping = weavelet.stop()
    expect(await told).toEqual({ kind: 'closing', replica: 'web-0' })
    expect(await stopping).toBe(true)
  } finally {
    await deployer.close()
  }
})
