/**
 * What a weavelet tells of itself: to a scraper at its health address, to its deployer over a real
 * nats-server.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { component, implement, type Main } from '../../component/component.js'
import { listener, ref } from '../../component/construction.js'
import { controlReplyReader } from '@weaver/deployer'
import type { ControlReply, ControlRequest, WeaveletStatus } from '../../contract/control.js'
import { controlAllSubject } from '../../contract/subjects.js'
import { parseMetricsText } from '../../telemetry/testdata/parse-metrics-text.js'
import { counter } from '../../telemetry/metrics.js'
import { bindByHand, genByHand } from '../../testing/hand-made-app.js'
import { startNatsServer, startTestDeployment, type NatsServer, type TestDeployment } from '@weaver/testing'

interface Store {
  get(key: string): Promise<string>
}
const Store = component<Store>('shop/Store')
class StoreImpl implements Store {
  async get(key: string): Promise<string> {
    return key
  }
}
const GEN = genByHand([bindByHand(Store, implement(Store, StoreImpl), { methods: ['get'] })], { refs: ['shop/Store'], listeners: ['lis'] })
class App implements Main {
  readonly store = ref(Store)
  readonly http = listener('lis')
  async main(): Promise<void> {
    await this.http.serve(
      createServer((_, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')),
    )
  }
}
const visits = counter('control_test_visits_total', { help: 'For this test.', labels: ['page'] })

let nats: NatsServer
let deployment: TestDeployment
let folder: string
let raw: NatsConnection
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-test-'))
  writeFileSync(join(folder, 'nats.conf'), 'max_payload: 2048\n')
  nats = await startNatsServer({ args: ['-c', join(folder, 'nats.conf')] })
  deployment = await startTestDeployment({ app: App, gen: GEN, natsUrl: nats.url, groups: { web: ['weaver/Main'], store: ['shop/Store'] } })
  raw = await connect({ servers: nats.url })
})
afterEach(() => jest.restoreAllMocks())
afterAll(async () => {
  await raw.close()
  await deployment.stop()
  await nats.stop()
  rmSync(folder, { recursive: true })
})

/** Answers of so many weavelets. */
async function ask(request: ControlRequest, count: number): Promise<ControlReply[]> {
  const inbox = `wv.${deployment.deploymentId}.i.test.${Math.random()}`
  const subscription = raw.subscribe(inbox)
  raw.publish(controlAllSubject(deployment.deploymentId), JSON.stringify(request), { reply: inbox })
  const read = controlReplyReader()
  const replies: ControlReply[] = []
  const timer = setTimeout(() => subscription.unsubscribe(), 5_000)
  for await (const message of subscription) {
    const reply = read(message.data)
    if (reply !== undefined) replies.push(reply)
    if (replies.length === count) break
  }
  clearTimeout(timer)
  return replies
}

describe('metrics of a weavelet', () => {
  it('are served to a scraper, in the format that it accepts, with the labels of the process', async () => {
    visits.with({ page: 'home' }).add(3)
    const url = `http://127.0.0.1:${deployment.weavelets['web']?.healthPort}/metrics`
    for (const format of ['prometheus', 'openmetrics'] as const) {
      const response = await fetch(url, format === 'openmetrics' ? { headers: { accept: 'application/openmetrics-text' } } : {})
      expect(response.headers.get('content-type')).toContain(
        format === 'openmetrics' ? 'application/openmetrics-text' : 'text/plain; version=0.0.4',
      )
      const sample = parseMetricsText(await response.text(), format)
        .flatMap(({ samples }) => samples)
        .find(({ name }) => name === 'control_test_visits_total')
      const version = deployment.deploymentId.slice(-8)
      expect(sample?.labels).toEqual({ app: 'test', version, replica: 'web-0', page: 'home' })
    }
  })

  it('come to the deployer from every weavelet, in parts where the broker takes only small messages', async () => {
    for (let i = 0; i < 2_000; i++) visits.with({ page: `page-${Math.sin(i)}` }).add()
    const replies = await ask({ kind: 'metrics' }, 2)
    expect(replies.map((reply) => (reply.kind === 'metrics' ? reply.replica : reply.kind)).sort()).toEqual(['store-0', 'web-0'])
    for (const reply of replies) {
      const family = reply.kind === 'metrics' ? reply.families.find(({ name }) => name === 'control_test_visits_total') : undefined
      expect(family?.series.length).toBeGreaterThan(2_000)
    }
  })
})

it('a goodbye ends the event streams of clients, and the listener serves on', async () => {
  const [web] = (await ask({ kind: 'status' }, 2)).filter((reply) => reply.kind === 'status' && reply.group === 'web') as WeaveletStatus[]
  const { port } = web?.listeners?.['lis'] ?? { port: 0 }
  const stream = async (): Promise<Response> => fetch(`http://127.0.0.1:${port}/`)
  const first = await stream()
  jest.spyOn(performance, 'now').mockReturnValue(performance.now()) // the goodbye holds for five seconds
  await ask({ kind: 'status', goodbye: true }, 2)
  expect(await first.text()).toBe('data: 1\n\n')
  const second = await stream()
  expect(second.headers.get('connection')).toBe('close')
  await ask({ kind: 'status', goodbye: true }, 2)
  expect(await second.text()).toBe('data: 1\n\n')
})
