/**
 * Components with the option `leader` inside of an application: alone in one process, and in
 * several with a deployer.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { component, implement, type Lease, type Main } from '../component/component.js'
import { bindByHand, genByHand, startByHand } from '../testing/hand-made-app.js'
import { weaverTest } from '@weaver/testing'

interface Foreman {
  token(): Promise<number>
}
const Foreman = component<Foreman>('shop/Foreman', { leader: 'app' })
let events: string[]
beforeEach(() => {
  events = []
})

class ForemanImpl implements Foreman {
  #token = 0
  async lead({ token, signal }: Lease): Promise<void> {
    this.#token = token
    events.push('leads')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await sleep(30)
    events.push('ends')
  }
  async shutdown(): Promise<void> {
    events.push('shutdown')
  }
  async token(): Promise<number> {
    for (let i = 0; i < 100 && this.#token === 0; i++) await sleep(20)
    return this.#token
  }
}
class App implements Main {
  main(): void {
    // The components are what is looked at.
  }
}
const genOf = (create: new () => Foreman, token = Foreman) =>
  genByHand([bindByHand(token, implement(token, create), { methods: ['token'] })])

it('alone in one process it leads at once, and ends before its component shuts down', async () => {
  const before = Date.now()
  const { weavelet } = await startByHand(App, genOf(ForemanImpl))
  expect(events).toEqual(['leads'])
  expect(await weavelet.ref(Foreman).token()).toBeGreaterThanOrEqual(before)
  expect(await weavelet.stop()).toBe(true)
  expect(events).toEqual(['leads', 'ends', 'shutdown'])
})

it('a lead() that does not end makes the stop unclean; the components still shut down', async () => {
  class Stubborn extends ForemanImpl {
    override async lead(): Promise<void> {
      await new Promise(() => undefined)
    }
  }
  const { weavelet, logs } = await startByHand(App, genOf(Stubborn), { bootstrap: { components: ['shop/Foreman'], shutdownGraceMs: 200 } })
  expect(await weavelet.stop()).toBe(false)
  expect(events).toEqual(['shutdown'])
  expect(logs).toContainEqual(
    expect.objectContaining({ level: 'error', fields: expect.objectContaining({ components: ['shop/Foreman'] }) }),
  )
})

it('option and hook mean nothing without each other: the start refuses both', async () => {
  class Mute implements Foreman {
    async token(): Promise<number> {
      return 0
    }
  }
  await expect(startByHand(App, genOf(Mute))).rejects.toMatchObject({
    code: 'WEAVER_START_INVALID',
    message: expect.stringContaining('"shop/Foreman" has the option leader, but its class has no lead()'),
  })
  await expect(startByHand(App, genOf(ForemanImpl, component<Foreman>('shop/Foreman')))).rejects.toMatchObject({
    message: expect.stringContaining('"shop/Foreman" has lead(), which never runs without the option leader'),
  })
  class LeadingMain extends App {
    lead(): void {
      // Nobody would call it.
    }
  }
  await expect(startByHand(LeadingMain, genOf(ForemanImpl))).rejects.toMatchObject({
    message: expect.stringContaining('only a component can lead'),
  })
})

it('a method of the interface may have the name of the hook where nobody leads', async () => {
  interface Band {
    lead(): Promise<string>
  }
  const Band = component<Band>('shop/Band')
  class BandImpl implements Band {
    async lead(): Promise<string> {
      return 'sings'
    }
  }
  const { weavelet } = await startByHand(App, genByHand([bindByHand(Band, implement(Band, BandImpl), { methods: ['lead'] })]))
  expect(await weavelet.ref(Band).lead()).toBe('sings')
  await weavelet.stop()
})

it.each(['local', 'rpc'] as const)('leads in a test with the runner %s', async (runner) => {
  await weaverTest({ weaver: genOf(ForemanImpl), runner }, async (test) => {
    expect(await test.get(Foreman).token()).toBeGreaterThan(0)
  })
  expect(events).toEqual(['leads', 'ends', 'shutdown'])
})
