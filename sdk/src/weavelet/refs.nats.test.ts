/** Lazy and optional refs, in one process and between processes. */
import { component, implement } from '../component/component.js'
import { construct, lazyRef, optionalRef, ref } from '../component/construction.js'
import { fake } from '../component/fake.js'
import { bindByHand, genByHand, startByHand } from '../testing/hand-made-app.js'
import { weaverTest } from '@weaver/testing'

interface Ping {
  ping(left: number): Promise<string>
  early(): Promise<string>
}
const Ping = component<Ping>('game/Ping')
interface Pong {
  pong(left: number): Promise<string>
}
const Pong = component<Pong>('game/Pong')
interface Umpire {
  judge(): Promise<string>
}
const Umpire = component<Umpire>('game/Umpire')

let early: Promise<string>
class PingImpl implements Ping {
  readonly pong = ref(Pong)
  async ping(left: number): Promise<string> {
    return left === 0 ? 'ping' : `ping ${await this.pong.pong(left - 1)}`
  }
  async early(): Promise<string> {
    return 'answered'
  }
}
class PongImpl implements Pong {
  readonly ping = lazyRef(Ping)
  readonly umpire = optionalRef(Umpire)
  init(): void {
    early = this.ping.early()
    early.catch(() => undefined)
  }
  async pong(left: number): Promise<string> {
    if (left === 0) return this.umpire === undefined ? 'pong, says nobody' : `pong, says ${await this.umpire.judge()}`
    return `pong ${await this.ping.ping(left - 1)}`
  }
}
class UmpireImpl implements Umpire {
  async judge(): Promise<string> {
    return 'the umpire'
  }
}
const ping = bindByHand(Ping, implement(Ping, PingImpl), { methods: ['ping', 'early'], refs: ['game/Pong'] })
const pongAlone = bindByHand(Pong, implement(Pong, PongImpl), { methods: ['pong'], refs: ['game/Ping'] })
const pong = bindByHand(Pong, implement(Pong, PongImpl), { methods: ['pong'], refs: ['game/Ping', 'game/Umpire'] })
const umpire = bindByHand(Umpire, implement(Umpire, UmpireImpl), { methods: ['judge'] })
const without = genByHand([ping, pongAlone])
const weaver = genByHand([ping, pong, umpire])

describe.each(['local', 'rpc'] as const)('with the runner %s', (runner) => {
  it('a lazy ref closes a circle of calls', async () => {
    await weaverTest({ weaver: without, runner }, async (test) => {
      expect(await test.get(Ping).ping(3)).toBe('ping pong ping pong, says nobody')
    })
  })

  it('an optional ref is there when its component is, and a fake stands in for it', async () => {
    await weaverTest({ weaver, runner }, async (test) => expect(await test.get(Pong).pong(0)).toBe('pong, says the umpire'))
    await weaverTest({ weaver, runner, fakes: [fake(Umpire, { judge: async () => 'a fake' })] }, async (test) =>
      expect(await test.get(Pong).pong(0)).toBe('pong, says a fake'),
    )
  })
})

it('a lazy ref says nothing of the order of start: a call that comes too early fails', async () => {
  await weaverTest({ weaver: without, runner: 'local' }, async () => {
    await expect(early).rejects.toMatchObject({ code: 'WEAVER_NOT_STARTED' })
  })
})

it('a lazy ref that is called before its component is even constructed gives a rejected promise', async () => {
  class Hasty extends PongImpl {
    readonly tooEarly = this.ping.early()
    readonly outcome = this.tooEarly.catch((error: unknown) => error)
  }
  class App {
    readonly ping = ref(Ping)
    main(): void {}
  }
  const hasty = bindByHand(Pong, implement(Pong, Hasty), { methods: ['pong'], refs: ['game/Ping'] })
  const { weavelet } = await startByHand(App, genByHand([ping, hasty], { refs: ['game/Ping'] }))
  const made = weavelet.implementation(Pong) as Hasty // bound above
  expect(await made.outcome).toMatchObject({ code: 'WEAVER_NOT_STARTED' })
  expect(await made.ping.early()).toBe('answered')
  await weavelet.stop()
})

it('an optional ref that the generated file knows nothing of is a mistake of the build', async () => {
  const stale = genByHand([ping, pongAlone, umpire])
  class App {
    readonly ping = ref(Ping)
    main(): void {}
  }
  await expect(startByHand(App, { ...stale, main: { refs: ['game/Ping'], listeners: [] } })).rejects.toMatchObject({
    code: 'WEAVER_START_INVALID',
    message: expect.stringContaining('"game/Pong" made game/Umpire that the generated file does not know') as string, // an asymmetric matcher
  })
})

it('construct() gives what it was given, and nothing for an optional ref without', async () => {
  const made = construct(PongImpl, { refs: [[Ping, { ping: async () => 'given', early: async () => '' }]] })
  expect(made.umpire).toBeUndefined()
  expect(await made.pong(1)).toBe('pong given')
  expect(() => construct(PongImpl)).toThrow(expect.objectContaining({ code: 'WEAVER_NO_REF' }))
})
