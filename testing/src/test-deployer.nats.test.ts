import { setTimeout as sleep } from 'node:timers/promises'
import { component, implement } from '@weaver/sdk'
import { assignmentSubject, parseAssignment, type Assignment } from '@weaver/sdk/contract'
import { connect } from '@nats-io/transport-node'
import { bindByHand, genByHand, startByHand } from '@weaver/sdk/test-support'
import { startNatsServer, type NatsServer } from './nats-server.js'
import { startTestDeployer } from './test-deployer.js'

let nats: NatsServer
beforeEach(async () => {
  nats = await startNatsServer()
})
afterEach(() => nats.stop())

it('keys follow the load where the component says so in its options', async () => {
  interface Counter {
    count(key: string): Promise<string>
  }
  const Counter = component<Counter>('shop/Counter', { router: { count: (key) => key }, balance: 'load' })
  class CounterImpl implements Counter {
    async count(key: string) {
      return key
    }
  }
  const gen = genByHand([bindByHand(Counter, implement(Counter, CounterImpl), { methods: ['count'] })])
  const heard: (Assignment | undefined)[] = []
  const listener = await connect({ servers: [nats.url] })
  listener.subscribe(assignmentSubject('test-1', Counter.name), {
    callback: (error, { data }) => void (error ?? heard.push(parseAssignment(data))),
  })
  await listener.flush()
  const logSink = { level: 'debug', write: () => undefined } as const
  const deployer = await startTestDeployer({ gen, natsUrl: nats.url, deploymentId: 'test-1', replicas: 2, logSink })
  class Nothing {
    main(): void {}
  }
  const { weavelet } = await startByHand(Nothing, gen, { bootstrap: { components: [Counter.name], nats: { servers: [nats.url] } } })
  for (const limit = Date.now() + 60_000; heard.length === 0 && Date.now() < limit;) await sleep(5)
  expect(heard.at(-1)).toMatchObject({ replicas: ['main-0'], isLoadWanted: true })
  await weavelet.stop()
  await deployer.stop()
  await listener.close()
})
