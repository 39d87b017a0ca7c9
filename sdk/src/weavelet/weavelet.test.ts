/**
 * One process of an application, without a broker: how it is put together, starts, tells its state
 * and stops.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { eventually } from '../testing/eventually.js'
import { component, implement, type Life, type Main } from '../component/component.js'
import { config, construct, listener, logger, ref } from '../component/construction.js'
import { WeaverError } from '../contract/errors.js'
import { bindByHand, genByHand, startByHand, type TestWeavelet } from '../testing/hand-made-app.js'
import { freePort } from '@weaver/testing'

interface Store {
  get(key: string): Promise<string>
}
const Store = component<Store>('shop/Store')
interface Greeter {
  greet(name: string): Promise<string>
}
const Greeter = component<Greeter>('shop/Greeter')

/** What happened, in order. */
let events: string[]
const started: TestWeavelet[] = []
beforeEach(() => {
  events = []
})
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ weavelet }) => weavelet.stop()))
})

class StoreImpl implements Store {
  readonly options = config(z.strictObject({ prefix: z.string().default('') }))
  async init(): Promise<void> {
    events.push('init store')
  }
  async shutdown(): Promise<void> {
    events.push('shutdown store')
  }
  async get(key: string): Promise<string> {
    return this.options.prefix + key
  }
}
class GreeterImpl implements Greeter {
  readonly store = ref(Store)
  readonly options = config(z.strictObject({ greeting: z.string().default('Hello'), times: z.number().default(1) }))
  async init(): Promise<void> {
    events.push(`init greeter, and the store says ${await this.store.get('ready')}`)
  }
  async shutdown(): Promise<void> {
    events.push(`shutdown greeter, and the store says ${await this.store.get('still here')}`)
  }
  async greet(name: string): Promise<string> {
    return `${this.options.greeting} ${await this.store.get(name)}`
  }
}
class App implements Main {
  readonly greeter = ref(Greeter)
  readonly http = listener('lis')
  readonly log = logger()
  async main(): Promise<void> {
    events.push('main')
    await this.http.serve(
      createServer((request, response) => {
        void (async () => {
          if (request.url === '/slow') {
            events.push('slow request')
            await sleep(300)
          }
          response.end(await this.greeter.greet(request.url ?? ''))
          events.push('answered')
        })()
      }),
    )
  }
}
const store = bindByHand(Store, implement(Store, StoreImpl), { methods: ['get'] })
const greeter = bindByHand(Greeter, implement(Greeter, GreeterImpl), { methods: ['greet'], refs: ['shop/Store'] })
const GEN = genByHand([store, greeter], { refs: ['shop/Greeter'], listeners: ['lis'] })
const ALL = ['weaver/Main', 'shop/Store', 'shop/Greeter']

async function start(...args: Parameters<typeof startByHand>): Promise<TestWeavelet> {
  const weavelet = await startByHand(...args)
  started.push(weavelet)
  return weavelet
}

async function startError(...args: Parameters<typeof startByHand>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await start(...args)
  } catch (error) {
    expect(error).toBeInstanceOf(WeaverError)
    return error as WeaverError
  }
  throw new Error('the application was expected not to start')
}

const until = (isSo: () => boolean) => eventually(isSo.toString(), isSo, { everyMs: 5 })

/** Where its listener is bound; `main` runs on its own. */
async function portOf({ weavelet }: TestWeavelet): Promise<number> {
  await until(() => weavelet.listeners['lis'] !== undefined)
  return weavelet.listeners['lis']?.port ?? 0
}

const get = async (port: number | undefined, path: string): Promise<readonly [status: number, text: string]> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return [response.status, (await response.text()).trim()]
}

describe('an application in one process', () => {
  it('starts what a component refers to before it, runs main, and calls without a broker', async () => {
    const app = await start(App, GEN, { config: { 'shop/Store': { prefix: 'dear ' } } })
    expect(events).toEqual(['init store', 'init greeter, and the store says dear ready', 'main'])
    expect(await get(await portOf(app), '/ann')).toEqual([200, 'Hello dear /ann'])
    expect(app.weavelet.healthPort).toBeUndefined()
  })

  it('gets secrets from the environment of its process', async () => {
    process.env['WEAVER_TEST_PREFIX'] = 'secret '
    try {
      const app = await start(App, GEN, { config: { 'shop/Store': { prefix: '<${env:WEAVER_TEST_PREFIX}>' } } })
      expect(await get(await portOf(app), '/ann')).toEqual([200, 'Hello <secret >/ann'])
    } finally {
      delete process.env['WEAVER_TEST_PREFIX']
    }
  })

  it('binds a listener to the address that is configured, or to a free port, and says where', async () => {
    const port = await freePort()
    const configured = await start(App, GEN, { addresses: { lis: `127.0.0.1:${port}` } })
    const free = await start(App, GEN)
    const other = await portOf(free)
    await portOf(configured)
    expect(configured.weavelet.listeners).toEqual({ lis: { host: '127.0.0.1', port } })
    expect(configured.logs).toContainEqual({
      level: 'info',
      message: 'listening',
      fields: expect.objectContaining({ listener: 'lis', address: `127.0.0.1:${port}` }) as unknown,
    })
    expect(other).toBeGreaterThan(0)
    expect(await get(other, '/b')).toEqual([200, 'Hello /b'])
  })

  it('tells its deployer when main fails: an address that is taken, with the way out', async () => {
    const first = await start(App, GEN)
    const address = `127.0.0.1:${await portOf(first)}`
    const second = await start(App, GEN, { addresses: { lis: address } })
    await until(() => second.mainFailures.length > 0)
    expect(second.mainFailures).toMatchObject([
      {
        code: 'WEAVER_LISTENER_BIND',
        message: `listener "lis" cannot bind ${address}: another process uses it; choose another port, or 0 for any free one`,
      },
    ])
  })

  it('lets a listener try again after an address that could not be bound, and serves once', async () => {
    const blocker = await start(App, GEN)
    const taken = `127.0.0.1:${await portOf(blocker)}`
    const outcomes: unknown[] = []
    class Stubborn implements Main {
      readonly http = listener('lis')
      async main(): Promise<void> {
        const server = createServer((_, response) => void response.end('ok'))
        outcomes.push(await this.http.serve(server).catch((error: unknown) => error))
        await blocker.weavelet.stop()
        outcomes.push(await this.http.serve(server))
        outcomes.push(await this.http.serve(createServer()).catch((error: unknown) => error))
      }
    }
    const { weavelet } = await start(Stubborn, genByHand([], { listeners: ['lis'] }), { addresses: { lis: taken } })
    await until(() => outcomes.length === 3)
    expect(outcomes).toMatchObject([{ code: 'WEAVER_LISTENER_BIND' }, { host: '127.0.0.1' }, { code: 'WEAVER_LISTENER_TWICE' }])
    expect(await get(weavelet.listeners['lis']?.port, '/')).toEqual([200, 'ok'])
  })

  it('refuses a call to a component that has not started', async () => {
    class Hasty implements Main {
      readonly greeter = ref(Greeter)
      readonly early = this.greeter.greet('x').catch((error: unknown) => error)
      async main(): Promise<void> {
        events.push((await (this.early as Promise<WeaverError>)).message)
      }
    }
    await start(Hasty, genByHand([store, greeter], { refs: ['shop/Greeter'] }))
    await sleep(0)
    expect(events.at(-1)).toBe(
      '"weaver/Main" calls shop/Greeter.greet before "shop/Greeter" has started; call it from init() or later, not from a constructor',
    )
  })
})

describe('what is wrong with an application', () => {
  it('is told at once: every wrong value and every unknown key of every component', async () => {
    const { code, message } = await startError(App, GEN, {
      config: { 'shop/Greeter': { greeting: 7, times: 'often', colour: 'red' }, 'shop/Store': { perfix: 'x' }, 'shop/Gretter': {} },
    })
    expect(code).toBe('WEAVER_START_INVALID')
    expect(message.split('\n')).toEqual([
      'the application cannot start: 5 problems:',
      '  - configuration for "shop/Gretter": the application has no such component; did you mean "shop/Greeter"?',
      '  - configuration of "shop/Store": "perfix" is not a key of it; did you mean "prefix"?',
      '  - configuration of "shop/Greeter": "greeting": Invalid input: expected string, received number',
      '  - configuration of "shop/Greeter": "times": Invalid input: expected number, received string',
      '  - configuration of "shop/Greeter": "colour" is not a key of it; known are "greeting", "times"',
    ])
    expect(events).toEqual([])
  })

  it('is a secret that is not there, told without any secret', async () => {
    const { message } = await startError(App, GEN, {
      config: { 'shop/Greeter': { greeting: '${env:WEAVER_TEST_NO_SUCH}', times: '${file:/no/such/file}' } },
    })
    expect(message.split('\n').slice(1)).toEqual([
      '  - configuration of "shop/Greeter": "greeting": ${env:WEAVER_TEST_NO_SUCH}: there is no environment variable "WEAVER_TEST_NO_SUCH"; set it for this process',
      '  - configuration of "shop/Greeter": "times": ${file:/no/such/file}: the file cannot be read (ENOENT); mount it for this process',
    ])
  })

  it('is its configuration also when a field of the class stumbles over what is missing', async () => {
    class Careless implements Main {
      readonly options = config(z.strictObject({ hosts: z.array(z.string()) }))
      readonly first = this.options.hosts[0]
      main(): void {}
    }
    expect((await startError(Careless, genByHand([]))).message).toBe(
      'the application cannot start: configuration of "weaver/Main": "hosts": Invalid input: expected array, received undefined',
    )
  })

  it('is all of it also when a field stumbles, a constructor throws and refs go in a circle', async () => {
    class Careless extends StoreImpl {
      readonly settings = config(z.strictObject({ pool: z.strictObject({ size: z.number() }) }))
      readonly half = this.settings.pool.size / 2
    }
    class Circular extends GreeterImpl {
      readonly self = ref(Greeter)
      readonly name = String(this.self).trim()
    }
    interface Clock {
      now(): Promise<string>
    }
    const Clock = component<Clock>('shop/Clock')
    class Broken implements Clock {
      readonly zone = JSON.parse('{') as unknown
      async now(): Promise<string> {
        return 'noon'
      }
    }
    class Fine implements Main {
      readonly options = config(z.strictObject({ port: z.number() }))
      main(): void {}
    }
    const gen = genByHand([
      bindByHand(Store, implement(Store, Careless), { methods: ['get'] }),
      bindByHand(Greeter, implement(Greeter, Circular), { methods: ['greet'], refs: ['shop/Greeter', 'shop/Store'] }),
      bindByHand(Clock, implement(Clock, Broken), { methods: ['now'] }),
    ])
    const error = await startError(Fine, gen, { config: { 'shop/Store': { pool: 7 }, 'weaver/Main': { port: 'x' } } })
    expect(error).toMatchObject({ code: 'WEAVER_START_INVALID', cause: { name: 'SyntaxError' } })
    expect(error.message.split('\n')).toEqual([
      'the application cannot start: 5 problems:',
      '  - configuration of "weaver/Main": "port": Invalid input: expected number, received string',
      expect.stringMatching(/^ {2}- the constructor of "shop\/Clock" failed: .*\. Work that can fail belongs into init\(\)\.$/),
      '  - configuration of "shop/Store": "pool" is not a key of it; known are "prefix"',
      '  - configuration of "shop/Store": "pool": Invalid input: expected object, received number',
      expect.stringContaining('components refer to each other in a circle: shop/Greeter → shop/Greeter.'),
    ])
    expect(events).toEqual([])
  })

  it('is a constructor that throws, named with its component', async () => {
    class Broken implements Store {
      readonly port = JSON.parse('{') as unknown
      async get(key: string): Promise<string> {
        return key
      }
    }
    const broken = bindByHand(Store, implement(Store, Broken), { methods: ['get'] })
    const error = await startError(App, genByHand([broken, greeter], { refs: ['shop/Greeter'], listeners: ['lis'] }))
    expect(error).toMatchObject({ code: 'WEAVER_CONSTRUCT_FAILED', cause: { name: 'SyntaxError' } })
    expect(error.message).toMatch(/^the constructor of "shop\/Store" failed: .*\. Work that can fail belongs into init\(\)\.$/)
  })

  it('is a generated file that does not fit the classes', async () => {
    const { message } = await startError(App, genByHand([{ ...greeter, refs: [] }, store, store], { listeners: ['lis', 'admin'] }))
    expect(message.split('\n')).toEqual([
      'the application cannot start: 4 problems:',
      '  - component "shop/Store" is bound twice; run `weaver generate`',
      '  - "shop/Greeter" made shop/Store that the generated file does not know (refs); run `weaver generate`, and create refs unconditionally, as fields',
      '  - "weaver/Main" made shop/Greeter that the generated file does not know (refs); run `weaver generate`, and create refs unconditionally, as fields',
      '  - "weaver/Main" did not make admin (listeners); run `weaver generate`, and create listeners unconditionally, as fields',
    ])
  })

  it('is a ref to a component that was not generated, and a listener of two components', async () => {
    class Serving extends StoreImpl {
      readonly http = listener('lis')
    }
    const serving = bindByHand(Store, implement(Store, Serving), { methods: ['get'], listeners: ['lis'] })
    const { message } = await startError(App, genByHand([serving], { refs: ['shop/Greeter'], listeners: ['lis'] }))
    expect(message).toContain('"weaver/Main" refers to "shop/Greeter", which the generated file does not have; run `weaver generate`')
    expect(message).toContain('listener "lis" is declared twice; each name may stand for one endpoint only')
  })

  it('is a circle of refs, told with its path', async () => {
    class Circular extends StoreImpl {
      readonly greeter = ref(Greeter)
    }
    const circular = bindByHand(Store, implement(Store, Circular), { methods: ['get'], refs: ['shop/Greeter'] })
    expect(await startError(App, genByHand([circular, greeter], { refs: ['shop/Greeter'], listeners: ['lis'] }))).toMatchObject({
      code: 'WEAVER_COMPONENT_CYCLE',
      message: expect.stringContaining('shop/Greeter → shop/Store → shop/Greeter') as unknown,
    })
  })

  it('is an address for a listener that is none, and configuration that may be of either of two components', async () => {
    const other = bindByHand(component<Store>('bank/Store'), implement(Store, StoreImpl), { methods: ['get'] })
    const { message } = await startError(App, genByHand([store, greeter, other], { refs: ['shop/Greeter'], listeners: ['lis'] }), {
      config: { Store: { prefix: 'x' } },
      addresses: { lsi: '127.0.0.1:0' },
    })
    expect(message.split('\n').slice(1)).toEqual([
      '  - configuration for "Store": it may mean "bank/Store" or "shop/Store"; name the component in full',
      '  - listener "lsi": the application has no such listener; known are "lis"',
    ])
  })

  it('is configuration that nothing reads', async () => {
    const { message } = await startError(App, GEN, { config: { 'weaver/Main': { port: 80 }, 'shop/Store': { prefix: 'x' } } })
    expect(message).toBe(
      'the application cannot start: configuration for "weaver/Main": "weaver/Main" takes none, as its class has no config() field; known are "shop/Store", "shop/Greeter"',
    )
  })

  it('is a number given to run() that is out of its bounds', async () => {
    const { code, message } = await startError(App, GEN, { startWaitMs: -1 })
    expect([code, message]).toEqual([
      'WEAVER_START_INVALID',
      'the application cannot start: run(): startWaitMs is -1; give a whole number of milliseconds, from 0 to 2147483647',
    ])
  })

  it('is a time limit that is none', async () => {
    const wrong = { ...store, token: { ...store.token, options: { defaultTimeoutMs: 0, timeoutMs: { get: '5s' as never } } } }
    const { message } = await startError(App, genByHand([wrong, greeter], { refs: ['shop/Greeter'], listeners: ['lis'] }), {
      defaultTimeoutMs: NaN,
    })
    expect(message.split('\n').slice(1)).toEqual([
      '  - component "shop/Store": defaultTimeoutMs is 0; give milliseconds, more than 0 and less than 2^32',
      '  - component "shop/Store": timeoutMs.get is 5s; give milliseconds, more than 0 and less than 2^32',
      '  - run(): defaultTimeoutMs is NaN; give milliseconds, more than 0 and less than 2^32',
    ])
  })

  it('is a deployer of another build, or one that gave no broker', async () => {
    const { message } = await startError(App, GEN, { bootstrap: { components: ['weaver/Main', 'shop/Cart'] } })
    expect(message).toContain('the deployer wants "shop/Cart" here, but this build has no such component')
    expect(message).toContain(
      '"weaver/Main" refers to "shop/Greeter", which is hosted elsewhere, but the deployer gave this process no broker',
    )
  })

  it('is an init() that fails: those that had started are shut down, main does not run', async () => {
    class Failing extends GreeterImpl {
      override init(): Promise<void> {
        return Promise.reject(new Error('no disk'))
      }
    }
    const failing = bindByHand(Greeter, implement(Greeter, Failing), { methods: ['greet'], refs: ['shop/Store'] })
    expect(await startError(App, genByHand([store, failing], { refs: ['shop/Greeter'], listeners: ['lis'] }))).toMatchObject({
      code: 'WEAVER_INIT_FAILED',
      message: 'init() of "shop/Greeter" failed: no disk',
      cause: { message: 'no disk' },
    })
    expect(events).toEqual(['init store', 'shutdown store'])
  })

  it('is a field of the runtime outside of a construction; construct() makes one for a unit test', async () => {
    expect(() => ref(Store)).toThrow(expect.objectContaining({ code: 'WEAVER_NO_CONSTRUCTION' }) as Error)
    expect(() => construct(GreeterImpl)).toThrow(expect.objectContaining({ code: 'WEAVER_NO_REF' }) as Error)
    const made = construct(GreeterImpl, {
      refs: [[Store, { get: async (key: string) => `<${key}>` }]],
      config: { greeting: 'Hi' },
    })
    expect(await made.greet('bo')).toBe('Hi <bo>')
  })
})

describe('a stop', () => {
  it('goes outside in: the request in flight is answered, then components shut down in reverse order', async () => {
    const app = await start(App, GEN)
    const { weavelet } = app
    const port = await portOf(app)
    const slow = get(port, '/slow')
    await until(() => events.includes('slow request'))
    events = []
    const stopping = weavelet.stop()
    expect(weavelet.stop()).toBe(stopping)
    await sleep(50)
    await expect(get(port, '/new')).rejects.toThrow('fetch failed')
    expect(await slow).toEqual([200, 'Hello /slow'])
    expect(await stopping).toBe(true)
    expect(events).toEqual(['answered', 'shutdown greeter, and the store says still here', 'shutdown store'])
  })

  it('leaves no listener open that was being bound, and binds none afterwards', async () => {
    const port = await freePort()
    let late: Promise<unknown> | undefined
    class Slow implements Main {
      readonly early = listener('early')
      readonly late = listener('late')
      async main(): Promise<void> {
        await this.early.serve(createServer((_, response) => void response.end('ok')))
        late = this.late.serve(createServer()).catch((error: unknown) => error)
      }
    }
    const { weavelet, mainFailures } = await start(Slow, genByHand([], { listeners: ['early', 'late'] }), {
      addresses: { early: `127.0.0.1:${port}` },
    })
    expect(weavelet.listeners).toEqual({}) // main has called serve(), and it is not done
    expect(await weavelet.stop()).toBe(true)
    await expect(get(port, '/')).rejects.toThrow('fetch failed')
    await until(() => late !== undefined)
    expect(await late).toMatchObject({ code: 'WEAVER_LISTENER_CLOSED' })
    expect(mainFailures).toEqual([])
  })

  it.each(['a response without end', 'a connection that is no longer HTTP'])('cuts off %s in time, and then shuts down', async (what) => {
    class Endless implements Main {
      readonly store = ref(Store)
      readonly http = listener('lis')
      async main(): Promise<void> {
        const server = createServer((_, response) => void response.write('data: first\n\n'))
        server.on('upgrade', (_, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
        await this.http.serve(server)
      }
    }
    const app = await start(Endless, genByHand([store], { refs: ['shop/Store'], listeners: ['lis'] }), {
      bootstrap: { components: ['weaver/Main', 'shop/Store'], shutdownGraceMs: 500 },
    })
    const socket = connect(await portOf(app), '127.0.0.1')
    const upgrade = what.startsWith('a connection') ? 'connection: upgrade\r\nupgrade: test\r\n' : ''
    socket.write(`GET / HTTP/1.1\r\nhost: test\r\n${upgrade}\r\n`)
    await once(socket, 'data')
    socket.on('error', () => undefined) // cut off
    const closed = once(socket, 'close')
    expect(await app.weavelet.stop()).toBe(false)
    await closed
    expect(events).toEqual(['init store', 'shutdown store'])
    expect(app.logs.find(({ level }) => level === 'error')).toMatchObject({
      message: expect.stringContaining('connections were cut off') as unknown,
      fields: { listener: 'lis' },
    })
  })

  it('does not wait for a connection on which nothing was ever asked', async () => {
    const app = await start(App, GEN)
    const ahead = connect(await portOf(app), '127.0.0.1')
    await once(ahead, 'connect')
    const gone = once(ahead, 'close')
    expect(await app.weavelet.stop()).toBe(true)
    await gone
  })

  it('waits for a main() that takes what it is given, and works until its signal fires', async () => {
    class Working implements Main {
      readonly store = ref(Store)
      async main({ signal }: Life): Promise<void> {
        while (!signal.aborted) {
          await this.store.get('x')
          await sleep(5)
        }
        await sleep(50)
        events.push(`main ended, and the store says ${await this.store.get('ok')}`)
      }
    }
    const { weavelet } = await start(Working, genByHand([store], { refs: ['shop/Store'] }))
    await sleep(20)
    expect(await weavelet.stop()).toBe(true)
    expect(events).toEqual(['init store', 'main ended, and the store says ok', 'shutdown store'])
  })

  it('does not wait for ever for one that does not end', async () => {
    class Endless implements Main {
      readonly store = ref(Store)
      async main({ signal }: Life): Promise<void> {
        if (!signal.aborted) await new Promise(() => undefined)
      }
    }
    const { weavelet, logs } = await start(Endless, genByHand([store], { refs: ['shop/Store'] }), {
      bootstrap: { components: ['weaver/Main', 'shop/Store'], shutdownGraceMs: 200 },
    })
    expect(await weavelet.stop()).toBe(false)
    expect(events).toEqual(['init store', 'shutdown store'])
    expect(logs.find(({ level }) => level === 'error')?.message).toMatch(/^main\(\) has not ended in time/)
  })

  it('that comes while components start: those that have are shut down, the others and main do not begin', async () => {
    const stop = new AbortController()
    class Stopped extends StoreImpl {
      override async init(): Promise<void> {
        await super.init()
        stop.abort()
      }
    }
    const stopped = bindByHand(Store, implement(Store, Stopped), { methods: ['get'] })
    const { weavelet } = await start(App, genByHand([stopped, greeter], { refs: ['shop/Greeter'], listeners: ['lis'] }), {
      signal: stop.signal,
    })
    expect(await weavelet.stop()).toBe(true)
    expect(events).toEqual(['init store', 'shutdown store'])
    expect(weavelet.listeners).toEqual({})
  })

  it('is not clean when a shutdown() fails, and the others still get theirs', async () => {
    class Failing extends GreeterImpl {
      override shutdown(): Promise<void> {
        return Promise.reject(new Error('disk full'))
      }
    }
    const failing = bindByHand(Greeter, implement(Greeter, Failing), { methods: ['greet'], refs: ['shop/Store'] })
    const { weavelet, logs } = await start(App, genByHand([store, failing], { refs: ['shop/Greeter'], listeners: ['lis'] }))
    expect(await weavelet.stop()).toBe(false)
    expect(events.at(-1)).toBe('shutdown store')
    expect(logs.find(({ level }) => level === 'error')?.fields).toMatchObject({ component: 'shop/Greeter', err: { message: 'disk full' } })
  })
})

describe('the health server', () => {
  const bootstrap = { components: ALL, listeners: { lis: { address: '127.0.0.1:0' } }, health: { address: '127.0.0.1:0' } }

  it('says that the process lives, and that it is ready as this deployment and no other', async () => {
    const app = await start(App, GEN, { bootstrap })
    await portOf(app)
    const { weavelet } = app
    const { healthPort } = weavelet
    expect(await get(healthPort, '/healthz')).toEqual([200, 'ok'])
    expect(await get(healthPort, '/readyz')).toEqual([200, 'ok'])
    expect(await get(healthPort, '/readyz?v=test-1')).toEqual([200, 'ok'])
    expect(await get(healthPort, '/readyz?v=test-2')).toEqual([503, 'this is deployment test-1'])
    expect(await get(healthPort, '/other')).toEqual([404, 'nothing is here'])
    await weavelet.stop()
    await expect(get(healthPort, '/healthz')).rejects.toThrow('fetch failed')
  })

  it('answers a path that is none and lives on', async () => {
    const { weavelet } = await start(App, GEN, { bootstrap })
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(weavelet.healthPort ?? 0, '127.0.0.1', () => socket.write('GET // HTTP/1.0\r\n\r\n'))
      socket.on('data', (chunk) => resolve(chunk.toString()))
      socket.on('error', reject)
      socket.setTimeout(2_000, () => reject(new Error('no answer')))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(await get(weavelet.healthPort, '/healthz')).toEqual([200, 'ok'])
  })

  it('is not ready, and says so in time, when health() does not answer: it is asked once, and named', async () => {
    let asked = 0
    class Stuck implements Main {
      main(): void {}
      async health(): Promise<boolean> {
        asked += 1
        return new Promise<boolean>(() => undefined)
      }
    }
    const alone = { ...bootstrap, components: ['weaver/Main'], listeners: {} }
    const { weavelet, logs } = await start(Stuck, genByHand([]), { bootstrap: alone })
    const { healthPort } = weavelet
    const answers = await Promise.all([get(healthPort, '/readyz'), get(healthPort, '/readyz'), weavelet.isReady()])
    expect(answers).toEqual([[503, 'not ready'], [503, 'not ready'], false])
    expect(asked).toBe(1)
    expect(logs.find(({ message }) => message === 'health() takes too long')?.fields).toMatchObject({ component: 'weaver/Main' })
  })

  it('names the component that says it is not well', async () => {
    class Unwell implements Main {
      main(): void {}
      health(): boolean {
        return false
      }
    }
    const { weavelet, logs } = await start(Unwell, genByHand([]))
    expect(await weavelet.isReady()).toBe(false)
    expect(logs.find(({ level }) => level === 'warn')?.fields).toMatchObject({ component: 'weaver/Main' })
  })

  it('is not ready before the listener is bound, while a component is unwell, and as soon as a stop begins', async () => {
    let bind = (): void => undefined
    let isWell = true
    class Late implements Main {
      readonly http = listener('lis')
      async main(): Promise<void> {
        await new Promise<void>((resolve) => (bind = resolve))
        await this.http.serve(createServer((_, response) => void response.end('ok')))
      }
      async health(): Promise<boolean> {
        if (!isWell) throw new Error('the database is away')
        return true
      }
    }
    const { weavelet, logs } = await start(Late, genByHand([], { listeners: ['lis'] }), {
      bootstrap: { ...bootstrap, components: ['weaver/Main'], preStopMs: 200 },
    })
    const ready = (): ReturnType<typeof get> => get(weavelet.healthPort, '/readyz')
    expect(await ready()).toEqual([503, 'not ready'])
    expect(await get(weavelet.healthPort, '/healthz')).toEqual([200, 'ok'])
    bind()
    await sleep(20)
    expect(await ready()).toEqual([200, 'ok'])
    isWell = false
    expect(await ready()).toEqual([503, 'not ready'])
    expect(logs.find(({ message }) => message === 'health() failed')?.fields).toMatchObject({ err: { message: 'the database is away' } })
    isWell = true
    const port = weavelet.listeners['lis']?.port
    const stopping = weavelet.stop()
    // Unready, and yet serving until the endpoints have propagated.
    expect(await ready()).toEqual([503, 'not ready'])
    expect(await get(port, '/')).toEqual([200, 'ok'])
    expect(await stopping).toBe(true)
  })
})
