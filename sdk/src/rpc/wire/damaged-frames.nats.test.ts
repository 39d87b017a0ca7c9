/** Whoever may publish where a replica listens can send it anything, without end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { jest } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { Writer } from '../../codec/writer.js'
import { arrivalSubject, callSubject, everyReplicaSubject } from '../../contract/subjects.js'
import { processMetrics } from '../../telemetry/metrics.js'
import { CART, COMPONENT, DEPLOYMENT, failureOf, startStations, type Stations } from '../../testing/rpc-stations.js'
import { DAMAGED_METRIC } from './damaged-frames.js'
import { FRAME_VERSION, KIND } from './frame.js'

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stations.close()
})

/** What is logged at most every ten seconds is logged once, however long the flood takes. */
function stopClock(): void {
  jest.spyOn(performance, 'now').mockReturnValue(performance.now())
}

/** How many were counted in this process, by kind. */
function counted(): Readonly<Record<string, number>> {
  const series = processMetrics.collect().find(({ name }) => name === DAMAGED_METRIC.name)?.series ?? []
  return Object.fromEntries(series.map(({ labels, value }) => [labels[0], value ?? 0]))
}

it('leaves one line in the log for a flood of messages that cannot be understood, and serves on', async () => {
  await stations.startReplica(CART)
  const { call } = await stations.startCaller()
  stopClock()
  const raw = await connect({ servers: stations.nats.url })
  try {
    for (let i = 0; i < 500; i++)
      for (const subject of [callSubject(DEPLOYMENT, COMPONENT), everyReplicaSubject(DEPLOYMENT, COMPONENT)])
        raw.publish(subject, Uint8Array.from([1, 2, i & 255]), { reply: 'nobody.listens' })
    await raw.flush()
  } finally {
    await raw.close()
  }
  expect(await call('echo', 'still there')).toBe('still there')
  expect(stations.logged.filter((message) => message === 'a message cannot be understood; nothing is done')).toHaveLength(1)
})

/** A frame with these bytes behind its version and kind. */
function frame(kind: number, ...bytes: readonly number[]): Uint8Array {
  const w = new Writer()
  for (const byte of [FRAME_VERSION, kind, ...bytes]) w.u8(byte)
  return w.finish()
}

it('fails the call that a damaged answer is for, at once, counts each and leaves one line in the log', async () => {
  const answers = [
    frame(KIND.batch, 0xff, 0xff, 0xff), // no part
    frame(KIND.accept, 1, 0, 0, 0, 0xff),
    frame(KIND.part, 1, 0, 0, 0, 0xff),
    frame(KIND.result, 1, 0, 0, 0),
    frame(99, 1, 0, 0, 0),
    Uint8Array.of(1, 2, 3),
  ]
  const raw = await connect({ servers: stations.nats.url })
  stations.onClose(() => raw.close())
  let sent = 0
  raw.subscribe(callSubject(DEPLOYMENT, COMPONENT), {
    callback: (_, message) => {
      const answer = Buffer.from(answers[sent++ % answers.length] as Uint8Array)
      message.respond(answer)
    },
  })
  await raw.flush()
  const { answer: before = 0 } = counted()
  for (const answer of answers) {
    // A caller of its own: the number of its first call is 1.
    const { call } = await stations.startCaller({}, { replica: `web-${sent}` })
    expect([answer, await failureOf(call('echo', 'x'))]).toMatchObject([answer, { code: 'WEAVER_RPC_PROTOCOL', mayHaveRun: true }])
  }
  expect((counted()['answer'] ?? 0) - before).toBe(answers.length)
})

it('leaves one line in the log for a flood that comes to a caller, wherever it listens', async () => {
  await stations.startReplica(CART)
  const { call } = await stations.startCaller()
  stopClock()
  const before = counted()
  const inbox = `wv.${DEPLOYMENT}.i.web-0`
  const raw = await connect({ servers: stations.nats.url })
  try {
    for (let i = 0; i < 500; i++) {
      raw.publish(`${inbox}.r.zzz`, frame(KIND.batch, 0xff, 0xff))
      raw.publish(arrivalSubject(DEPLOYMENT, COMPONENT), frame(KIND.here))
    }
    await raw.flush()
  } finally {
    await raw.close()
  }
  const since = (kind: string): number => (counted()[kind] ?? 0) - (before[kind] ?? 0)
  while (since('answer') < 500 || since('other') < 1_000) await sleep(5) // caller and replica hear of arrivals
  expect(await call('echo', 'still there')).toBe('still there')
  expect([since('answer'), since('other')]).toEqual([500, 1_000])
  expect(stations.logged.filter((message) => message === 'an answer cannot be understood')).toHaveLength(1)
  expect(stations.logged.filter((message) => message === 'a message cannot be understood')).toHaveLength(2) // caller and replica
})
