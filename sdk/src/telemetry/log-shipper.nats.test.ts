/**
 * Log entries over a real nats-server: order, batches, a burst that is too much, and a broker that
 * goes.
 */
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { eventually } from '../testing/eventually.js'
import { parseLogBatch, type LogBatch, type LogEntry } from '../contract/logs.js'
import { logSubject } from '../contract/subjects.js'
import { connectNats, type Transport } from '../internal.js'
import { startNatsServer, type NatsServer } from '@weaver/testing'
import { parseJsonLine } from '../contract/log-print.js'
import { DROPPED_METRIC, LogShipper } from './log-shipper.js'
import { createLogger, entrySink, type Logger } from './logger.js'
import { processMetrics } from './metrics.js'

const DEPLOYMENT = 'shop-1'
let nats: NatsServer
let deployer: NatsConnection
let transport: Transport
let batches: LogBatch[]
let fallback: string[]
beforeEach(async () => {
  nats = await startNatsServer()
  await connectAll()
})
afterEach(async () => {
  await transport.close()
  await deployer.close()
  await nats.stop()
})

async function connectAll(): Promise<void> {
  batches = []
  fallback = []
  const silent: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    with: () => silent,
  }
  transport = await connectNats({ servers: [nats.url], name: 'web-0', inboxPrefix: 'i', log: silent })
  // Back before the weavelet is: what is sent to nobody is lost, as anything in NATS.
  deployer = await connect({ servers: nats.url, reconnectTimeWait: 2, reconnectJitter: 0, maxReconnectAttempts: -1 })
  deployer.subscribe(logSubject(DEPLOYMENT), {
    callback: (_error, message) => {
      const batch = parseLogBatch(message.data)
      if (batch !== undefined) batches.push(batch)
    },
  })
  await deployer.flush()
}
function shipper(limits: { readonly maxEntries?: number; readonly maxBytes?: number } = {}): {
  readonly ship: LogShipper
  readonly log: Logger
} {
  const ship = new LogShipper({ deploymentId: DEPLOYMENT, replica: 'web-0', fallback: (line) => void fallback.push(line), ...limits })
  return {
    ship,
    log: createLogger(
      entrySink((entry) => ship.write(entry)),
      { app: 'shop', replica: 'web-0' },
    ),
  }
}
const entries = (): readonly LogEntry[] => batches.flatMap((batch) => batch.entries)
const droppedCount = (): number => processMetrics.collect().find(({ name }) => name === DROPPED_METRIC.name)?.series[0]?.value ?? 0
const until = (isSo: () => boolean) => eventually(isSo.toString(), isSo, { everyMs: 5 })

describe('log entries over the broker', () => {
  it('come in order, in few batches, with those from before the connection', async () => {
    const { ship, log } = shipper()
    log.info('early', { err: new Error('why'), big: 1n })
    ship.start(transport)
    for (let i = 0; i < 1_200; i++) log.info('entry', { i })
    await until(() => entries().length === 1_201)
    expect(entries()[0]).toMatchObject({ message: 'early', app: 'shop', attributes: { err: { message: 'why' }, big: '1' } })
    expect(entries().slice(1).map(({ attributes }) => attributes['i'])).toEqual(Array.from({ length: 1_200 }, (_, i) => i)) // prettier-ignore
    expect(batches.map(({ number }) => number)).toEqual(batches.map((_, i) => i + 1))
    expect(batches.length).toBeLessThan(10)
    await ship.stop()
  })

  it('that are too many at once are dropped and counted, and whoever writes them does not wait', async () => {
    const before = droppedCount()
    const { ship, log } = shipper({ maxEntries: 1_000 })
    ship.start(transport)
    for (let i = 0; i < 5_000; i++) log.info('burst', { i })
    expect([droppedCount() - before, batches.length]).toEqual([4_000, 0]) // nothing could be sent meanwhile
    await until(() => batches.reduce((sum, { dropped }) => sum + dropped, 0) === 4_000)
    await until(() => entries().length === 1_000)
    log.info('after')
    await until(() => entries().at(-1)?.message === 'after')
    expect(batches.at(-1)?.dropped).toBe(0)
    await ship.stop()
  })

  it('wait for a broker that has gone, within the limit, and come when it is back', async () => {
    const { ship, log } = shipper({ maxBytes: 50_000 })
    ship.start(transport)
    log.info('first')
    await until(() => entries().length === 1)
    await nats.stop()
    await until(() => !transport.isConnected)
    for (let i = 0; i < 1_000; i++) log.info('meanwhile', { i })
    await new Promise((resolve) => setTimeout(resolve, 200))
    nats = await startNatsServer({ port: nats.port })
    await until(
      () =>
        entries().filter(({ message }) => message === 'meanwhile').length + batches.reduce((sum, { dropped }) => sum + dropped, 0) >= 1_000,
    )
    const dropped = batches.reduce((sum, batch) => sum + batch.dropped, 0)
    expect(dropped).toBeGreaterThan(0)
    expect(entries().length + dropped).toBe(1_001)
    await ship.stop()
  })

  it('go out before the process ends; without a broker, and after it, to the fallback', async () => {
    const { ship, log } = shipper()
    ship.start(transport)
    for (let i = 0; i < 1_000; i++) log.info('last words', { i })
    await ship.stop()
    log.info('too late')
    await until(() => entries().length === 1_000)
    expect(fallback.map((line) => parseJsonLine(line.trimEnd())?.message)).toEqual(['too late'])
    const alone = shipper()
    alone.log.error('no broker')
    await alone.ship.stop()
    expect(fallback.map((line) => parseJsonLine(line.trimEnd())?.message)).toEqual(['too late', 'no broker'])
  })

  it('that are larger than a message are cut, and say so', async () => {
    const { ship, log } = shipper()
    ship.start(transport)
    log.info('x'.repeat(300_000), { more: 'y'.repeat(300_000) })
    log.info('next')
    await until(() => entries().length === 2)
    expect(entries()[0]).toMatchObject({ message: 'x'.repeat(500), attributes: { truncatedFromBytes: expect.any(Number) } })
    expect(entries()[1]?.message).toBe('next')
    await ship.stop()
  })
})
