/**
 * Calls over a real nats-server whose lines are cut, stand still or lose messages, and over one
 * that is frozen. A call that hangs would end with its deadline of 30 s.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { callSubject, replicaCallSubject } from '../contract/subjects.js'
import { COMPONENT, DEPLOYMENT, failureOf, gate, startStations, type Methods, type Stations } from '../testing/rpc-stations.js'
import { withContext } from '../context/context.js'
import type { RemoteCallError } from '../errors/remote-call-error.js'

const MEBIBYTE = 2 ** 20

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(async () => {
  process.kill(stations.nats.pid, 'SIGCONT')
  await stations.close()
})

/**
 * Counts how often its methods run; they give what they were given, or what `answer` makes of it.
 */
function counted(answer: (text: string) => Promise<string> = async (text) => text) {
  const runs = { work: 0, append: 0 }
  const methods: Methods = {
    echo: async (text) => text,
    work: (text = '') => (runs.work++, answer(text)),
    append: (text = '') => (runs.append++, answer(text)),
  }
  return { runs, methods }
}

const isRequest = (subject: string): boolean => subject === callSubject(DEPLOYMENT, COMPONENT)
const isPart = (subject: string): boolean => subject === replicaCallSubject(DEPLOYMENT, COMPONENT, 'cart-0')
const isAnswer = (subject: string): boolean => subject.startsWith(`wv.${DEPLOYMENT}.i.web-0.r.`)
/** All but the first so many of those. */
function after(count: number, is: (subject: string) => boolean): (subject: string) => boolean {
  let seen = 0
  return (subject) => is(subject) && seen++ >= count
}

describe('a line that is cut', () => {
  it('of the caller fails a call that must not run twice, and sends any other again', async () => {
    const end = gate()
    const { methods, runs } = counted(async (text) => (await end.opened, text))
    const { server } = await stations.startReplica(methods)
    const cable = await stations.startCable()
    const { call } = await stations.startCaller({}, { url: cable.url })
    const [append, work] = [failureOf(call('append', 'x')), call('work', 'x')]
    while (server.inFlight < 2) await sleep(5)
    cable.cut()
    expect(await append).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
    while (runs.work < 2) await Promise.race([sleep(5), work]) // given up instead, it says why
    end.open()
    expect(await work).toBe('x')
    expect(runs).toEqual({ append: 1, work: 2 })
  })

  it('of the replica is found by the caller though the broker stands, and nothing waits for its deadline', async () => {
    const end = gate()
    const { methods } = counted(async (text) => (await end.opened, text))
    const cable = await stations.startCable()
    const { server, transport } = await stations.startReplica(methods, { url: cable.url })
    const { call } = await stations.startCaller()
    const [append, work] = [failureOf(call('append', 'x')), call('work', 'x')]
    while (server.inFlight < 2) await sleep(5)
    await stations.startReplica(counted(async () => 'the other').methods, { replica: 'cart-1' })
    cable.unplug()
    while (transport.isConnected) await sleep(5)
    end.open() // its answers have nowhere to go
    expect(await append).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
    expect(await work).toBe('the other')
  })

  it('of a replica that is back when its answer is asked for does not hide that the answer was lost', async () => {
    const end = gate()
    const { methods, runs } = counted(async (text) => (await end.opened, text))
    const cable = await stations.startCable()
    const { server, transport } = await stations.startReplica(methods, { url: cable.url })
    const { call } = await stations.startCaller()
    const [append, work] = [failureOf(call('append', 'x')), call('work', 'x')]
    while (server.inFlight < 2) await sleep(5)
    cable.unplug()
    while (transport.isConnected) await sleep(5)
    end.open()
    while (server.inFlight > 0) await sleep(5)
    cable.plugIn()
    expect(await append).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
    expect(await work).toBe('x')
    expect(runs).toEqual({ append: 1, work: 2 })
  })
})

describe('a message that is lost', () => {
  it.each([
    ['the request', 'caller', isRequest, { append: 0, work: 1 }],
    ['the answer', 'replica', isAnswer, { append: 1, work: 2 }],
  ] as const)('is found when it is %s: an error, or another attempt', async (_, end, isLost, expected) => {
    const { methods, runs } = counted()
    const cable = await stations.startCable()
    await stations.startReplica(methods, end === 'replica' ? { url: cable.url } : {})
    const { call } = await stations.startCaller({}, end === 'caller' ? { url: cable.url } : {})
    for (const method of ['append', 'work']) {
      cable.lose(isLost, 1)
      if (method === 'work') expect(await call(method, 'x')).toBe('x')
      else expect(await failureOf(call(method, 'x'))).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
    }
    expect([cable.lost, runs]).toEqual([2, expected])
  })

  const text = 'x'.repeat(2 * MEBIBYTE)
  it.each([
    ['one of the parts of the request', 'caller', after(3, isPart)],
    ['the last of the parts of the request', 'caller', after(16, isPart)],
    ['the offer of a request in parts', 'caller', isRequest],
    ['what accepts such an offer', 'replica', isAnswer],
    ['one of the parts of the answer', 'replica', after(4, isAnswer)],
    ['the last of the parts of the answer', 'replica', after(17, isAnswer)],
  ] as const)('is found when it is %s', async (_, end, isLost) => {
    const { methods, runs } = counted()
    const cable = await stations.startCable()
    await stations.startReplica(methods, end === 'replica' ? { url: cable.url } : {})
    const { call } = await stations.startCaller({}, end === 'caller' ? { url: cable.url } : {})
    cable.lose(isLost, 1)
    expect((await call('work', text)) === text).toBe(true)
    expect(cable.lost).toBe(1)
    expect(runs.work).toBeLessThanOrEqual(2)
  })
})

it('a replica that loses its line while a request in parts comes in is found at once, and the request goes there again', async () => {
  const text = 'x'.repeat(6 * MEBIBYTE)
  const { methods, runs } = counted()
  const [ours, theirs] = [await stations.startCable(), await stations.startCable()]
  await stations.startReplica(methods, { url: theirs.url })
  const { call } = await stations.startCaller({}, { url: ours.url })
  for (const method of ['append', 'work']) {
    let parts = 0
    ours.lose((subject) => {
      if (isPart(subject) && ++parts === 5) theirs.cut()
      return false
    })
    let outcome: unknown
    // A replica that takes longer than a second to come back is up for nobody; the call did not run
    // then.
    do
      outcome = await call(method, text).then(
        (answer) => answer === text,
        (error: RemoteCallError) => (error.mayHaveRun ? error.code : undefined),
      )
    while (outcome === undefined)
    // Where the replica itself sees the gap, nothing has run, and what must not run twice goes
    // again, too.
    expect(outcome === true || (method === 'append' && outcome === 'WEAVER_RPC_PEER_LOST')).toBe(true)
  }
  expect([runs.append <= 1, runs.work]).toEqual([true, 1])
})

describe('a line or a broker that stands still', () => {
  it('is waited for until the deadline, cancelling works meanwhile, and what comes late is nobody’s answer', async () => {
    const { methods, runs } = counted()
    await stations.startReplica(methods)
    const { call, client, transport } = await stations.startCaller({ append: 1_000 })
    expect(await call('append', 'before')).toBe('before')
    process.kill(stations.nats.pid, 'SIGSTOP')
    const abort = new AbortController()
    const cancelled = failureOf(withContext({ signal: abort.signal }, () => call('work', 'y')))
    const late = failureOf(call('append', 'x'))
    await sleep(50) // they are sent
    abort.abort()
    expect(await cancelled).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true })
    expect(await late).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect([client.inFlight, transport.isConnected]).toEqual([0, true])
    process.kill(stations.nats.pid, 'SIGCONT')
    expect(await call('work', 'after')).toBe('after')
    expect(runs.append).toBe(2)
  })

  it('is waited for when it is that of the only replica, and calls go on when it moves again', async () => {
    const { methods } = counted()
    const cable = await stations.startCable()
    await stations.startReplica(methods, { url: cable.url })
    const { call } = await stations.startCaller({ append: 1_000 })
    cable.hold()
    const [append, work] = [failureOf(call('append', 'x')), call('work', 'x')]
    expect(await append).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    cable.release()
    expect(await work).toBe('x')
  })
})

it('makes no attempt past the deadline while there is no connection', async () => {
  const { methods } = counted()
  await stations.startReplica(methods)
  const cable = await stations.startCable()
  const { call, transport } = await stations.startCaller({ work: 500 }, { url: cable.url })
  cable.unplug()
  while (transport.isConnected) await sleep(5)
  const failing = failureOf(call('work', 'x'))
  // A call with more time waits for two seconds.
  const patient = call('append', 'x').catch(() => undefined)
  expect(await Promise.race([failing.then(() => 'work'), patient.then(() => 'append')])).toBe('work')
  expect(await failing).toMatchObject({ mayHaveRun: false })
  cable.plugIn()
  await patient
})
