/** Calls of one tick share a message; nothing of what one call sees may show that. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Msg } from '@nats-io/transport-node'
import { callSubject } from '../contract/subjects.js'
import { CART, COMPONENT, DEPLOYMENT, failureOf, gate, startStations, type Stations } from '../testing/rpc-stations.js'
import { withContext } from '../context/context.js'
import type { RemoteCallError } from '../errors/remote-call-error.js'

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

/** Messages that go to the component, as somebody sees them who only listens. */
async function tap(): Promise<Msg[]> {
  const seen: Msg[] = []
  const nc = await connect({ servers: stations.nats.url })
  stations.onClose(() => nc.close())
  nc.subscribe(callSubject(DEPLOYMENT, COMPONENT), { callback: (_, message) => void seen.push(message) })
  await nc.flush()
  return seen
}

describe('calls of one tick', () => {
  it('go in one message and are answered each with its own', async () => {
    await stations.startReplica(CART)
    const { call } = await stations.startCaller()
    const seen = await tap()
    const texts = Array.from({ length: 64 }, (_, i) => `text ${i}`)
    // Not so as long as the method takes its time: on a busy machine that may be more than once.
    do {
      seen.length = 0
      expect(await Promise.all(texts.map((text) => call('echo', text)))).toEqual(texts)
      while (seen.length === 0) await sleep(1) // the answers may be here before who only listens has heard of the calls
    } while (seen.length > 1)
    expect(seen.length).toBe(1)
  })

  it('go in several messages where they are many or large, and one that is larger than a message goes apart from them', async () => {
    await stations.startReplica(CART)
    const { call } = await stations.startCaller()
    const seen = await tap()
    const texts = Array.from({ length: 200 }, (_, i) => `${i} `.repeat(i === 100 ? 500_000 : i))
    do {
      seen.length = 0
      expect(await Promise.all(texts.map((text) => call('echo', text)))).toEqual(texts)
      expect(seen.length).toBeGreaterThanOrEqual(4)
    } while (seen.length > 20)
  })

  it('fail each for itself when their arguments cannot be sent', async () => {
    await stations.startReplica(CART)
    const { call, client } = await stations.startCaller()
    const bad = 7 as unknown as string // what the type forbids
    const outcomes = await Promise.allSettled([call('echo', bad), call('echo', 'a'), call('echo', bad), call('echo', 'b')])
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as RemoteCallError).code))).toEqual([
      'WEAVER_CODEC_INVALID',
      'a',
      'WEAVER_CODEC_INVALID',
      'b',
    ])
    expect(client.inFlight).toBe(0)
  })

  it('fail each for itself when what their methods return cannot be sent', async () => {
    await stations.startReplica({ ...CART, work: async (text) => (text === 'bad' ? (7 as unknown as string) : text) })
    const { call } = await stations.startCaller()
    const [first, a, second, b] = await Promise.allSettled(['bad', 'a', 'bad', 'b'].map((text) => call('work', text)))
    expect([a, b]).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'fulfilled', value: 'b' },
    ])
    for (const outcome of [first, second]) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'WEAVER_CODEC_INVALID' } })
  })

  it('fail each for itself', async () => {
    await stations.startReplica({
      ...CART,
      work: async (text) => {
        if (text === 'bad') throw new RangeError('no')
        return text
      },
    })
    const { call } = await stations.startCaller()
    const [a, bad, b] = await Promise.allSettled([call('work', 'a'), call('work', 'bad'), call('work', 'b')])
    expect([a, b]).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'fulfilled', value: 'b' },
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: new RangeError('no') })
  })

  it('are given up each for itself, and the callee of that one alone is told', async () => {
    const running = gate()
    const stopped: string[] = []
    await stations.startReplica({
      ...CART,
      work: async (text = '') => {
        const { context } = await import('../context/context.js')
        const { signal } = context()
        if (text === 'stays') {
          running.open()
          await new Promise((resolve) => setTimeout(resolve, 200))
          return String(signal.aborted)
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        stopped.push(text)
        return text
      },
    })
    const { call } = await stations.startCaller()
    const controller = new AbortController()
    const leaves = failureOf(withContext({ signal: controller.signal }, () => call('work', 'leaves')))
    const stays = call('work', 'stays')
    await running.opened
    controller.abort()
    expect(await leaves).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true })
    expect(await stays).toBe('false')
    expect(stopped).toEqual(['leaves'])
  })

  it('given up before they are sent surely do not run', async () => {
    const ran: (string | undefined)[] = []
    await stations.startReplica({ ...CART, work: async (text) => void ran.push(text) as unknown as string })
    const { call, client } = await stations.startCaller()
    const controller = new AbortController()
    const failing = failureOf(withContext({ signal: controller.signal }, () => call('work', 'never')))
    controller.abort() // in the same tick
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: false })
    await failureOf(call('work', 'later')) // it returns what is no string
    expect(ran).toEqual(['later'])
    expect(client.inFlight).toBe(0)
  })

  it('all learn that nobody is there', async () => {
    const { call } = await stations.startCaller()
    const codes = await Promise.all(Array.from({ length: 20 }, async () => (await failureOf(call('echo', 'x'))).code))
    expect(new Set(codes)).toEqual(new Set(['WEAVER_RPC_UNAVAILABLE']))
  })

  it('of a method that takes its time are spread over the replicas', async () => {
    const work = (replica: string) => async (): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return replica
    }
    for (const replica of ['cart-0', 'cart-1']) await stations.startReplica({ ...CART, work: work(replica) }, { replica })
    const { call } = await stations.startCaller()
    await Promise.all(Array.from({ length: 4 }, () => call('work'))) // now it is known to be slow
    const seen = await tap()
    const by = await Promise.all(Array.from({ length: 64 }, () => call('work')))
    expect(seen.length).toBe(64)
    expect(new Set(by).size).toBe(2)
  })
})
