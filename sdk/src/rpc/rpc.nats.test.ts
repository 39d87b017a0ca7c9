/**
 * What calls do over a real nats-server: values, errors, context, deadlines, cancellation.
 * `rpc-faults.nats.test.ts` has what goes wrong on the way.
 */
import { getEventListeners, getMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeaverError } from '../contract/errors.js'
import { CART, COMPONENT, failureOf, gate, msOf, PROMPT_MS, startStations, type Call, type Stations } from '../testing/rpc-stations.js'
import { context, withContext, type CallContext } from '../context/context.js'
import { registerError } from '../codec/error-codec.js'
import { DEFAULT_TIMEOUT_MS } from '../context/time-limit.js'

class OutOfStock extends Error {
  override readonly name = 'OutOfStock'
  readonly code = 'OUT_OF_STOCK'
  readonly details: Readonly<Record<string, unknown>>
  constructor(item: string, cause: unknown) {
    super(`there is no ${item}`, { cause })
    this.details = { item, left: 0 }
  }
}
registerError(OutOfStock)

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

describe('a call', () => {
  it('brings its arguments there and its result back', async () => {
    await stations.startReplica(CART)
    const { call } = await stations.startCaller()
    expect(await call('echo', 'grüße \ud800')).toBe('grüße \ud800')
    expect(await call('join', 'a', '', 'c')).toBe('a++c')
    expect(await call('nothing')).toBeUndefined()
    expect(await Promise.all(Array.from({ length: 200 }, (_, i) => call('echo', `${i}`)))).toEqual(
      Array.from({ length: 200 }, (_, i) => `${i}`),
    )
  })

  it('carries metadata, trace, deadline and the name of its caller, also over a second hop', async () => {
    const seen: CallContext[] = []
    await stations.startReplica(
      { ...CART, work: async () => (seen.push(context()), 'done') },
      { replica: 'stock-0', component: 'shop/Stock' },
    )
    const inner = await stations.startCaller({}, { replica: 'cart-0', component: 'shop/Stock', caller: COMPONENT })
    await stations.startReplica({ ...CART, work: async () => (seen.push(context()), String(await inner.call('work'))) })
    const { call } = await stations.startCaller({ work: 5_000 })
    const before = Date.now()
    await withContext({ metadata: { tenant: 'blue' }, traceparent: '00-01-02-01' }, () =>
      withContext({ metadata: { user: 'ann' } }, () => call('work')),
    )
    expect(seen).toHaveLength(2)
    for (const { metadata, traceparent, deadline, signal } of seen) {
      expect({ metadata, traceparent }).toEqual({ metadata: { tenant: 'blue', user: 'ann' }, traceparent: '00-01-02-01' })
      // The second hop has the first one's deadline although its own method would allow 30 s.
      expect((deadline ?? 0) - before).toBeGreaterThan(4_000)
      expect((deadline ?? 0) - before).toBeLessThan(20_000)
      expect(signal.aborted).toBe(false)
    }
    expect(seen.map(({ caller }) => caller)).toEqual([
      { component: 'shop/Web', replica: 'web-0' },
      { component: COMPONENT, replica: 'cart-0' },
    ])
    expect(context().metadata).toEqual({})
  })
})

describe('many calls at once', () => {
  const many = (call: Call, count: number): Promise<unknown> => Promise.all(Array.from({ length: count }, () => call('slow')))

  it('outside of any call do not stand in one list of listeners', async () => {
    await stations.startReplica({ ...CART, slow: () => sleep(100, 'ok') })
    const { call } = await stations.startCaller()
    const calls = many(call, 50)
    expect(getEventListeners(context().signal, 'abort')).toEqual([])
    await calls
  })

  it('with one signal are no leak, whether the signal came from here or over the wire', async () => {
    const limits: number[] = []
    const work = async (): Promise<string> => (limits.push(getMaxListeners(context().signal)), 'ok')
    await stations.startReplica({ ...CART, slow: () => sleep(100, 'ok'), work })
    const { call } = await stations.startCaller()
    const { signal } = new AbortController()
    const calls = withContext({ signal }, () => many(call, 50))
    expect([getEventListeners(signal, 'abort').length, getMaxListeners(signal)]).toEqual([1, Infinity])
    await calls
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await call('work')
    expect(limits).toEqual([Infinity])
  })
})

describe('an error of the method', () => {
  it('arrives with class, name, code, message, details and its chain of causes, without the stack of the other process', async () => {
    const cause = new RangeError('shelf 7', { cause: { shelf: 7 } })
    await stations.startReplica({ ...CART, work: () => Promise.reject(new OutOfStock('tea', cause)) })
    const { call } = await stations.startCaller()
    const error = (await failureOf(call('work'))) as unknown as OutOfStock
    expect(error).toBeInstanceOf(OutOfStock)
    expect(error).toMatchObject({ name: 'OutOfStock', code: 'OUT_OF_STOCK', message: 'there is no tea', details: { item: 'tea', left: 0 } })
    expect(error.cause).toBeInstanceOf(RangeError)
    expect(error.cause).toMatchObject({ message: 'shelf 7', cause: { shelf: 7 } })
  })

  it('keeps its chain over two hops, also when its class is unknown here, and is never retried', async () => {
    class Unknown extends Error {
      override readonly name = 'Unknown'
    }
    let runs = 0
    const failing = (): Promise<string> => (runs++, Promise.reject(new WeaverError('SHOP_CLOSED', 'closed', { details: { until: 9 } })))
    await stations.startReplica({ ...CART, work: failing }, { replica: 'stock-0', component: 'shop/Stock' })
    const inner = await stations.startCaller({}, { replica: 'cart-0', component: 'shop/Stock' })
    await stations.startReplica({
      ...CART,
      work: () => inner.call('work').then(String, (cause: unknown) => Promise.reject(new Unknown('no stock', { cause }))),
    })
    const outer = await stations.startCaller({}, { replica: 'web-1' })
    const error = await failureOf(outer.call('work'))
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'Unknown', message: 'no stock' })
    expect(error.cause).toBeInstanceOf(WeaverError)
    expect(error.cause).toMatchObject({ code: 'SHOP_CLOSED', message: 'closed', details: { until: 9 } })
    expect(runs).toBe(1)
  })

  it('may be anything that can be thrown', async () => {
    const circular: Record<string, unknown> = { message: 'round', name: 'Round' }
    circular['self'] = circular
    const hostile = new Error('hostile')
    Object.defineProperty(hostile, 'detail', { enumerable: true, get: () => JSON.parse('{') as unknown })
    const thrown: readonly unknown[] = ['a string', null, { why: 7 }, circular, hostile]
    await stations.startReplica({ ...CART, work: (index) => Promise.reject(thrown[Number(index)]) })
    const { call } = await stations.startCaller()
    expect(await failureOf(call('work', '0'))).toBe('a string')
    expect(await failureOf(call('work', '1'))).toBeNull()
    expect(await failureOf(call('work', '2'))).toEqual({ why: 7 })
    expect(await failureOf(call('work', '3'))).toMatchObject({ name: 'Round', message: 'round' })
    const hostileHere = await failureOf(call('work', '4'))
    expect(hostileHere).toMatchObject({ name: 'Error', message: 'hostile' })
    expect(hostileHere).not.toHaveProperty('detail') // what cannot even be read is left out
    expect(await call('echo', 'still there')).toBe('still there')
  })

  it('says which method returned what cannot be sent, and which was given it', async () => {
    await stations.startReplica({ ...CART, work: async () => undefined })
    const { call } = await stations.startCaller()
    expect(await failureOf(call('work'))).toMatchObject({
      code: 'WEAVER_CODEC_INVALID',
      message: 'shop/Cart.work: what it returned cannot be sent: expected a string, got undefined',
    })
    expect(await failureOf(call('echo', 7 as unknown as string))).toMatchObject({
      code: 'WEAVER_CODEC_INVALID',
      message: 'shop/Cart.echo was not sent: its arguments cannot be: argument 1: expected a string, got a number',
    })
    expect(await call('echo', 'the writers are clean')).toBe('the writers are clean')
  })
})

describe('without a replica', () => {
  it.each(['echo', 'append'])('%s is offered for a second and then fails: it surely did not run', async (method) => {
    const { call } = await stations.startCaller()
    const failing = failureOf(call(method, 'x'))
    const ms = await msOf(failing)
    expect(await failing).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
    expect((await failing).message).toContain(`shop/Cart.${method}`)
    expect(ms).toBeGreaterThan(700)
    expect(ms).toBeLessThan(PROMPT_MS)
  })

  it('a method that must not run twice is still offered to a replica that comes a moment later, and runs once', async () => {
    let runs = 0
    const { call } = await stations.startCaller()
    const answer = call('append', 'x')
    await sleep(200)
    await stations.startReplica({ ...CART, append: async (text) => (runs++, text) })
    expect(await answer).toBe('x')
    expect(runs).toBe(1)
  })
})

describe('a deadline', () => {
  it('is 30 s where nothing else is said', async () => {
    let left = 0
    await stations.startReplica({ ...CART, work: async () => ((left = (context().deadline ?? 0) - Date.now()), 'ok') })
    const { call } = await stations.startCaller()
    await call('work')
    expect(left).toBeGreaterThan(DEFAULT_TIMEOUT_MS / 2)
    expect(left).toBeLessThanOrEqual(DEFAULT_TIMEOUT_MS + 5)
  })

  it.each(['the method', 'the caller'])('set by %s ends the call on both sides: it may have run', async (who) => {
    const aborted = gate()
    let reason: unknown
    const slow = async (): Promise<string> => {
      const { signal } = context()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reason = signal.reason
      aborted.open()
      return 'too late'
    }
    await stations.startReplica({ ...CART, slow })
    const { call, client } = await stations.startCaller(who === 'the method' ? { slow: 200 } : {})
    const failing = failureOf(who === 'the method' ? call('slow') : withContext({ deadline: Date.now() + 200 }, () => call('slow')))
    expect(await msOf(failing)).toBeLessThan(PROMPT_MS)
    expect(await failing).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect((await failing).message).toBe('shop/Cart.slow was not answered before its deadline')
    await aborted.opened
    expect(reason).toMatchObject({ name: 'TimeoutError' })
    expect(client.inFlight).toBe(0)
  })

  it('that has passed already sends nothing', async () => {
    let runs = 0
    await stations.startReplica({ ...CART, work: async () => (runs++, 'ok') })
    const { call } = await stations.startCaller()
    const error = await failureOf(withContext({ deadline: Date.now() - 1 }, () => call('work')))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: false })
    expect(runs).toBe(0)
  })

  it('of a caller in between reaches the callee behind it as a deadline, not as a cancellation', async () => {
    await stations.startReplica({ ...CART, slow: () => sleep(3_000, 'late') }, { replica: 'stock-0', component: 'shop/Stock' })
    const inner = await stations.startCaller({}, { replica: 'cart-0', component: 'shop/Stock' })
    const seen: string[] = []
    const told = gate()
    const work = async (): Promise<string> => {
      seen.push((await failureOf(inner.call('slow'))).code)
      told.open()
      return 'ok'
    }
    await stations.startReplica({ ...CART, work })
    const outer = await stations.startCaller({ work: 200 }, { replica: 'web-1' })
    expect(await failureOf(outer.call('work'))).toMatchObject({ code: 'WEAVER_RPC_DEADLINE' })
    await told.opened
    expect(seen).toEqual(['WEAVER_RPC_DEADLINE'])
  })

  it('may be longer than a timer of Node can wait', async () => {
    await stations.startReplica({ ...CART, work: async () => (await sleep(50), String(context().signal.aborted)) })
    const { call } = await stations.startCaller({ work: 50 * 24 * 3_600_000 })
    expect(await call('work')).toBe('false')
  })
})

describe('a caller that gives up', () => {
  it('gets its error at once, and the callee sees its signal', async () => {
    const running = gate()
    const aborted = gate()
    const slow = async (): Promise<string> => {
      running.open()
      await new Promise((resolve) => context().signal.addEventListener('abort', resolve))
      aborted.open()
      return 'too late'
    }
    // Of two replicas only the one that runs the call is concerned.
    const replicas = [await stations.startReplica({ ...CART, slow }), await stations.startReplica({ ...CART, slow }, { replica: 'cart-1' })]
    const { call } = await stations.startCaller()
    const abort = new AbortController()
    const failing = failureOf(withContext({ signal: abort.signal }, () => call('slow')))
    await running.opened
    abort.abort(new Error('the user left'))
    const error = await failing
    expect(error).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true })
    expect(error.cause).toMatchObject({ message: 'the user left' })
    await aborted.opened
    while (replicas.some(({ server }) => server.inFlight > 0)) await sleep(5)
  })

  it('before the call sends nothing', async () => {
    let runs = 0
    await stations.startReplica({ ...CART, work: async () => (runs++, 'ok') })
    const { call } = await stations.startCaller()
    const error = await failureOf(withContext({ signal: AbortSignal.abort() }, () => call('work')))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: false })
    expect(runs).toBe(0)
  })

  it('while no replica answers does not wait for the end of the offer', async () => {
    const { call } = await stations.startCaller()
    const failing = failureOf(withContext({ signal: AbortSignal.timeout(100) }, () => call('work')))
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: false })
  })
})
