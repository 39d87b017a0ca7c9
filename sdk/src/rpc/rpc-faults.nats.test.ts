/** Calls over a real nats-server that are refused, damaged, cut off or moved. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import type { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import { callSubject, everyReplicaSubject } from '../contract/subjects.js'
import { startNatsServer } from '@weaver/testing'
import {
  BUILD,
  CART,
  COMPONENT,
  DEPLOYMENT,
  failureOf,
  gate,
  METHODS,
  msOf,
  PROMPT_MS,
  startStations,
  type Stations,
} from '../testing/rpc-stations.js'
import { context, withContext } from '../context/context.js'
import type { RemoteCallError } from '../errors/remote-call-error.js'
import { FINGERPRINT_BYTES, fingerprintPrefix, FRAME_VERSION, KIND, readKind, requestsPrefix, writeCallHead } from './wire/frame.js'

const OTHER_BUILD = 'bb'.repeat(32)
const MEBIBYTE = 2 ** 20

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

describe('what is refused', () => {
  it('is a caller of another build, with both builds named', async () => {
    let runs = 0
    await stations.startReplica({ ...CART, work: async () => (runs++, 'ok') })
    const { call } = await stations.startCaller({}, { fingerprint: OTHER_BUILD })
    const error = await failureOf(call('work'))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_FINGERPRINT', mayHaveRun: false })
    expect(error.message).toContain(BUILD.slice(0, 16))
    expect(error.message).toContain(OTHER_BUILD.slice(0, 16))
    expect(error.message).toContain('shop/Web on web-0')
    expect(runs).toBe(0)
  })

  it('is a request above the limit, before it is sent', async () => {
    await stations.startReplica(CART)
    const { call, transport } = await stations.startCaller()
    const error = await failureOf(call('echo', 'x'.repeat(16 * MEBIBYTE)))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: false })
    expect(error.message).toMatch(/^shop\/Cart\.echo: the arguments take 167772\d\d bytes, 16777216 are allowed;/)
    expect(transport.isConnected).toBe(true)
    expect(await call('echo', 'small')).toBe('small')
  })

  it('is a request above the limit of the replica, before it runs', async () => {
    await stations.startReplica(CART, { maxMessageBytes: 2 * MEBIBYTE })
    const { call } = await stations.startCaller()
    expect(await failureOf(call('echo', 'x'.repeat(3 * MEBIBYTE)))).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: false })
  })

  it('is an answer above the limit, after the method ran', async () => {
    await stations.startReplica({ ...CART, work: async () => 'x'.repeat(16 * MEBIBYTE) })
    const { call } = await stations.startCaller()
    const error = await failureOf(call('work'))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: true })
    expect(error.message).toContain('the answer takes')
    expect(await call('echo', 'small')).toBe('small')
  })

  it('is an error above the limit', async () => {
    await stations.startReplica({ ...CART, work: () => Promise.reject(new Error('x'.repeat(MEBIBYTE))) }, { maxMessageBytes: MEBIBYTE })
    const { call } = await stations.startCaller()
    expect(await failureOf(call('work'))).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: true })
  })
})

describe('damaged bytes', () => {
  /** A whole request, to be damaged. */
  function request(method: number): Uint8Array {
    const w = new Writer()
    w.raw(requestsPrefix(fingerprintPrefix(BUILD), { component: 'x', replica: 'y' }))
    w.openPart()
    writeCallHead(w, { call: 7, method, timeLeftMs: 1_000, metadata: { a: 'b' }, traceparent: 't' })
    METHODS[0]?.encodeArgs(w, ['hello'])
    w.closePart()
    return w.finish()
  }

  function frame(...bytes: number[]): Uint8Array {
    const w = new Writer()
    for (const byte of bytes) w.u8(byte)
    return w.finish()
  }

  it('sent to a component are answered as no request, whatever they are, and the replica works on', async () => {
    let runs = 0
    const { server } = await stations.startReplica({ ...CART, echo: async (text) => (runs++, text) })
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    const whole = request(0)
    const damaged = [
      ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
      Buffer.alloc(64, 0xff),
      frame(FRAME_VERSION, KIND.requests, ...Buffer.alloc(64, 0xff)),
      frame(FRAME_VERSION, 99),
      request(500),
    ]
    for (const bytes of damaged) {
      const { data } = await raw.request(callSubject(DEPLOYMENT, COMPONENT), bytes, { timeout: 2_000 })
      const { kind, reader } = readKind(data)
      reader.u32() // a number that was read, or 0: its reply subject then tells whose it is
      expect([kind, reader.string(), reader.string().length > 0, reader.bool()]).toEqual([
        KIND.failure,
        expect.stringMatching(/^WEAVER_RPC_(PROTOCOL|FINGERPRINT)$/),
        true,
        false,
      ])
    }
    for (const bytes of damaged) raw.publish(callSubject(DEPLOYMENT, COMPONENT), bytes) // and with nobody to answer
    expect({ runs, inFlight: server.inFlight }).toEqual({ runs: 0, inFlight: 0 })
    const { call } = await stations.startCaller()
    expect(await call('echo', 'works')).toBe('works')
  })

  it('sent as a cancellation cancel nothing and do not deafen the replica', async () => {
    await stations.startReplica(CART)
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    const cut = frame(FRAME_VERSION, KIND.cancel, 1).subarray(0, 6)
    for (const bytes of [frame(), frame(FRAME_VERSION, KIND.cancel), frame(FRAME_VERSION, KIND.cancel, 0xff, 0xff), frame(0xff), cut])
      raw.publish(everyReplicaSubject(DEPLOYMENT, COMPONENT), bytes)
    await raw.flush()
    const { call } = await stations.startCaller({ echo: 2_000 })
    expect(await call('echo', 'works')).toBe('works')
    // both within ten seconds: the second one is counted, and logged with those that follow
    // (damaged-frames.nats.test.ts)
    expect(stations.logged.filter((message) => message === 'a message cannot be understood; nothing is done')).toHaveLength(1)
  })

  it('in an answer are a failure of the call, which may have run', async () => {
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    const answers = [
      new Uint8Array(),
      Uint8Array.from([7, 7, 7]),
      frame(7, 7, 7),
      frame(FRAME_VERSION, KIND.result, 0xff),
      frame(FRAME_VERSION, KIND.error, 0),
      frame(FRAME_VERSION, KIND.failure),
    ]
    let next = 0
    raw.subscribe(callSubject(DEPLOYMENT, COMPONENT), {
      callback: (_, message) => void message.respond(answers[next++ % answers.length]),
    })
    await raw.flush()
    const { call } = await stations.startCaller()
    for (const bytes of answers)
      expect([bytes, await failureOf(call('echo', 'x'))]).toMatchObject([bytes, { code: 'WEAVER_RPC_PROTOCOL', mayHaveRun: true }])
  })
})

describe('when the broker goes away in mid-call', () => {
  async function inMidCall(method: string) {
    const running = gate()
    let runs = 0
    const work = async (): Promise<string> => {
      runs++
      running.open()
      await sleep(1_000)
      return 'done'
    }
    await stations.startReplica({ ...CART, work, append: work })
    const { call } = await stations.startCaller()
    const outcome = call(method, 'x')
    outcome.catch(() => undefined)
    await running.opened
    await stations.nats.stop()
    return { outcome, runs: () => runs }
  }

  it('a method that must not run twice fails at once: it may have run', async () => {
    const { outcome } = await inMidCall('append')
    expect(await failureOf(outcome)).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
  })

  it('any other is sent again once the broker is back', async () => {
    const { outcome, runs } = await inMidCall('work')
    stations.nats = await startNatsServer({ port: stations.nats.port })
    expect(await outcome).toBe('done')
    expect(runs()).toBe(2)
  })

  it('any other fails after a second when the broker stays away, and still says that it may have run', async () => {
    const { outcome } = await inMidCall('work')
    const ms = await msOf(outcome)
    expect(ms).toBeGreaterThan(700)
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(await failureOf(outcome)).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
  })

  it('a call that is made meanwhile surely did not run', async () => {
    const { call, transport } = await stations.startCaller()
    await stations.nats.stop()
    while (transport.isConnected) await sleep(5)
    const outcome = withContext({ timeoutMs: 300 }, () => call('append', 'x')) // more: broker-away.nats.test.ts
    expect(await failureOf(outcome)).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: false })
  })

  it('a replica can still be drained and its connection closed', async () => {
    const { server, transport } = await stations.startReplica(CART)
    await stations.nats.stop()
    while (transport.isConnected) await sleep(5)
    await server.drain()
    await transport.close()
    // Closed for good: it does not come back with the broker.
    stations.nats = await startNatsServer({ port: stations.nats.port })
    await sleep(300)
    expect(transport.isConnected).toBe(false)
  })
})

describe('a replica that drains', () => {
  it('finishes what it runs, and new calls go to the other', async () => {
    const [running, end] = [gate(), gate()]
    const slow = async (): Promise<string> => {
      running.open()
      await end.opened
      return 'finished by cart-0'
    }
    const first = await stations.startReplica({ ...CART, slow, work: async () => 'cart-0' })
    const { call } = await stations.startCaller()
    const before = call('slow')
    await running.opened
    await stations.startReplica({ ...CART, work: async () => 'cart-1' }, { replica: 'cart-1' })
    let isDrained = false
    const draining = first.server.drain().then(() => (isDrained = true))
    // No call fails at any moment of the change, though some were on their way when the
    // subscription ended.
    const meanwhile = await Promise.all(Array.from({ length: 100 }, () => call('work')))
    expect(meanwhile.every((who) => who === 'cart-0' || who === 'cart-1')).toBe(true)
    await sleep(50)
    expect(await Promise.all(Array.from({ length: 50 }, () => call('work')))).toEqual(Array.from({ length: 50 }, () => 'cart-1'))
    expect(isDrained).toBe(false)
    end.open()
    expect(await before).toBe('finished by cart-0')
    await draining
    expect(first.server.inFlight).toBe(0)
    await first.transport.close()
    expect(await call('work')).toBe('cart-1')
  })

  it('still hears that a caller has given up', async () => {
    const running = gate()
    const slow = async (): Promise<string> => {
      running.open()
      await new Promise((resolve) => context().signal.addEventListener('abort', resolve))
      return 'cancelled'
    }
    const { server } = await stations.startReplica({ ...CART, slow })
    const { call } = await stations.startCaller()
    const abort = new AbortController()
    const failing = failureOf(withContext({ signal: abort.signal }, () => call('slow')))
    await running.opened
    const draining = server.drain()
    await sleep(50)
    abort.abort()
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_CANCELLED' })
    await draining
  })
})

describe('too many calls', () => {
  it('are refused by a replica that runs as many as it may, and it works on', async () => {
    const end = gate()
    let runs = 0
    const append = async (): Promise<string> => {
      runs++
      await end.opened
      return 'done'
    }
    const { server } = await stations.startReplica({ ...CART, append }, { maxConcurrent: 5 })
    const { call } = await stations.startCaller()
    const running = Array.from({ length: 5 }, () => call('append'))
    while (server.inFlight < 5) await sleep(5)
    const error = await failureOf(call('append'))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_OVERLOADED', mayHaveRun: false })
    expect(error.message).toBe('shop/Cart.append: "cart-0" runs 5 calls of "shop/Cart" already')
    end.open()
    expect(await Promise.all(running)).toEqual(Array.from({ length: 5 }, () => 'done'))
    expect(runs).toBe(5)
    expect(await call('echo', 'works')).toBe('works')
  })

  it('find another replica that has room', async () => {
    const end = gate()
    const work = async (): Promise<string> => {
      await end.opened
      return 'full'
    }
    const { server } = await stations.startReplica({ work }, { maxConcurrent: 2 })
    const { call } = await stations.startCaller()
    const running = [call('work'), call('work')]
    while (server.inFlight < 2) await sleep(5)
    await stations.startReplica({ work: async () => 'free' }, { replica: 'cart-1' })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => call('work')))
    const free = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === 'free')
    // Each is tried four times, and half of the tries meet the full one.
    expect(free.length).toBeGreaterThan(10)
    end.open()
    await Promise.all(running)
  })

  it('and more than may wait for an answer are not sent', async () => {
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    // A replica that is there and never answers.
    for (const subject of [callSubject(DEPLOYMENT, COMPONENT), everyReplicaSubject(DEPLOYMENT, COMPONENT)])
      raw.subscribe(subject, { callback: () => undefined })
    await raw.flush()
    const { call, client } = await stations.startCaller()
    const enough = new AbortController()
    const [waiting, refused] = withContext({ signal: enough.signal }, () =>
      [65_536, 1_500].map((length) => Array.from({ length }, () => failureOf(call('append', 'x')))),
    ) as [Promise<RemoteCallError>[], Promise<RemoteCallError>[]] // of two lengths
    expect(client.inFlight).toBe(65_536)
    // The first of them have another try; that is not for all of them (see below).
    expect(await refused.at(-1)).toMatchObject({
      code: 'WEAVER_RPC_OVERLOADED',
      mayHaveRun: false,
      message: expect.stringContaining('65536 calls wait for it already') as string, // an asymmetric matcher
    })
    enough.abort()
    await Promise.all([...waiting, ...refused])
    expect(client.inFlight).toBe(0)
  })

  it('are not made more by trying again: all retries of a component have one budget', async () => {
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    let requests = 0
    const answer = (call: Reader): Uint8Array => {
      requests++
      const w = new Writer()
      w.u8(FRAME_VERSION)
      w.u8(KIND.failure)
      w.u32(call.u32())
      w.string('WEAVER_RPC_OVERLOADED')
      w.string('full')
      w.bool(false)
      return w.finish()
    }
    raw.subscribe(callSubject(DEPLOYMENT, COMPONENT), {
      callback: (_, message) => {
        const { reader } = readKind(message.data)
        reader.view(FINGERPRINT_BYTES)
        reader.bytes() // the caller
        while (reader.left > 0) message.respond(answer(reader.part()))
      },
    })
    // A busy replica: nobody there would mean that what takes longer than a quarter of a second is
    // lost.
    raw.subscribe(everyReplicaSubject(DEPLOYMENT, COMPONENT), { callback: () => undefined })
    await raw.flush()
    const { call } = await stations.startCaller()
    const errors = await Promise.all(Array.from({ length: 1_000 }, () => failureOf(call('work'))))
    // Without a budget 4 000: now 1 000, a fifth of it, the hundred that are there at the start,
    // and ten for each second.
    expect(requests).toBeGreaterThan(1_000)
    expect(requests).toBeLessThan(2_000)
    const untried = errors.filter(({ message }) => message.endsWith('full; it was not tried again: too many calls of this component were'))
    expect(untried.length).toBeGreaterThan(500)
    for (const error of errors) expect(error).toMatchObject({ code: 'WEAVER_RPC_OVERLOADED', mayHaveRun: false })
  })
})
