/** Requests and answers that the broker does not take at once, over a real one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { replicaCallSubject } from '../../contract/subjects.js'
import { CART, COMPONENT, DEPLOYMENT, failureOf, gate, startStations, type Stations } from '../../testing/rpc-stations.js'
import { startNatsServer } from '@weaver/testing'
import { Assembly, LargeRequests } from './parts.js'

const MEBIBYTE = 2 ** 20
/** No two parts of it are alike, and it is no text of one byte for each character. */
const large = (bytes: number): string => Array.from({ length: bytes / 8 }, (_, i) => `é${String(i).padStart(6, '0')}`).join('')

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

it('arguments and results of many times the size of a message arrive as they were, and many at once', async () => {
  const { server } = await stations.startReplica(CART)
  const { call, client } = await stations.startCaller()
  const text = large(3 * MEBIBYTE)
  expect((await call('echo', text)) === text).toBe(true)
  const answers = await Promise.all([
    call('echo', text),
    call('join', text, text),
    call('echo', 'small'),
    call('echo', large(2 * MEBIBYTE)),
  ])
  expect([answers[0] === text, answers[1] === `${text}+${text}`, answers[2], answers[3] === large(2 * MEBIBYTE)]).toEqual([true, true, 'small', true]) // prettier-ignore
  expect([server.inFlight, client.inFlight]).toEqual([0, 0])
})

it('errors too', async () => {
  await stations.startReplica({ work: () => Promise.reject(new Error(large(2 * MEBIBYTE))) })
  const { call } = await stations.startCaller()
  expect((await failureOf(call('work'))).message === large(2 * MEBIBYTE)).toBe(true)
})

it('small calls find their way between the parts', async () => {
  await stations.startReplica(CART)
  const { call } = await stations.startCaller()
  const order: string[] = []
  const note = (what: string) => () => void order.push(what)
  await Promise.all([call('echo', large(6 * MEBIBYTE)).then(note('large')), sleep(20).then(() => call('echo', 'x')).then(note('small'))]) // prettier-ignore
  expect(order).toEqual(['small', 'large'])
})

it('all parts of a request go to one replica of several', async () => {
  const text = large(2 * MEBIBYTE)
  for (const replica of ['cart-0', 'cart-1', 'cart-2'])
    await stations.startReplica({ work: async (given) => `${replica} ${given === text}` }, { replica })
  const { call } = await stations.startCaller()
  const answers = new Set(await Promise.all(Array.from({ length: 6 }, () => call('work', text))))
  for (const answer of answers) expect(answer).toMatch(/^cart-\d true$/)
})

it('a replica that is full of them refuses more, and has room again when they are done', async () => {
  const end = gate()
  const append = async (text?: string): Promise<string> => {
    await end.opened
    return String(text?.length)
  }
  // 4 × 2 MiB: five that come at once do not all find room.
  const { server } = await stations.startReplica({ append }, { maxMessageBytes: 2 * MEBIBYTE })
  const { call } = await stations.startCaller()
  const text = 'x'.repeat(2 * MEBIBYTE - 1_000)
  const outcomes = Promise.allSettled(Array.from({ length: 5 }, () => call('append', text)))
  while (server.inFlight < 4) await sleep(5)
  end.open()
  const given = await outcomes
  expect(given.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(4)
  expect(await call('append', text)).toBe(String(text.length))
})

it('a replica that stops sends its answer whole', async () => {
  const running = gate()
  const text = large(6 * MEBIBYTE)
  const work = async (): Promise<string> => {
    running.open()
    await sleep(50)
    return text
  }
  const { server, transport } = await stations.startReplica({ work })
  const { call } = await stations.startCaller()
  const answer = call('work')
  await running.opened
  await server.drain()
  await transport.close()
  expect((await answer) === text).toBe(true)
})

it('a request whose replica stops before all of it is there goes to another', async () => {
  const text = large(6 * MEBIBYTE)
  const cable = await stations.startCable()
  const first = await stations.startReplica({ work: async () => 'cart-0' })
  const { call } = await stations.startCaller({}, { url: cable.url })
  const begun = gate()
  const to = replicaCallSubject(DEPLOYMENT, COMPONENT, 'cart-0')
  cable.lose((subject) => {
    if (subject === to) {
      cable.hold() // after the first part
      begun.open()
    }
    return false
  })
  const answer = call('work', text)
  await begun.opened
  await stations.startReplica({ work: async (given) => `cart-1 ${given === text}` }, { replica: 'cart-1' })
  await first.server.drain()
  await first.transport.close()
  cable.lose(() => false)
  cable.release()
  expect(await answer).toBe('cart-1 true')
})

it('a broker that goes away in the middle is an error at once or another attempt', async () => {
  const text = large(6 * MEBIBYTE)
  await stations.startReplica({ ...CART, append: async (given) => String(given === text) })
  const { call } = await stations.startCaller()
  const [echoed, appended] = [call('echo', text), failureOf(call('append', text))]
  echoed.catch(() => undefined)
  await sleep(10)
  await stations.nats.stop()
  expect(await appended).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
  stations.nats = await startNatsServer({ port: stations.nats.port })
  expect((await echoed) === text).toBe(true)
})

describe('parts that do not fit', () => {
  const part = (offset: number, total: number, length: number) => ({ sender: 'web-0', offset, total, piece: new Uint8Array(length) })

  it.each([
    ['one twice', [part(0, 10, 4), part(0, 10, 4)]],
    ['another total', [part(0, 10, 4), part(4, 11, 4)]],
    ['beyond the end', [part(0, 10, 4), part(4, 10, 7)]],
    ['an empty one', [part(0, 10, 4), part(4, 10, 0)]],
  ])('are refused: %s', (_, [first, second]) => {
    const assembly = new Assembly(10)
    expect(assembly.add(first as ReturnType<typeof part>)).toBeUndefined() // each case has two
    expect(() => assembly.add(second as ReturnType<typeof part>)).toThrow(/does not follow on 4 of 10/)
  })

  it('are an error of their own where one was lost', () => {
    const assembly = new Assembly(10)
    assembly.add(part(0, 10, 4))
    expect(() => assembly.add(part(5, 10, 5))).toThrow('bytes 4 to 5 of 10 were lost on the way')
  })

  it('and those of requests that nobody announced', () => {
    const requests = new LargeRequests(20)
    expect(requests.offer('web-0', 1, 10)).toBe(true)
    expect(requests.offer('web-0', 2, 11)).toBe(false)
    expect(() => requests.add(2, part(0, 11, 1))).toThrow(/were lost or forgotten/)
    expect(requests.add(1, part(0, 10, 10))).toHaveLength(10)
    expect(requests.has('web-0', 1)).toBe(false)
    expect(requests.offer('web-0', 3, 20)).toBe(true)
  })
})
