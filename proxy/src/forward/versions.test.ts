/** The version that a request reaches, through a real proxy of HTTP/1 and HTTP/2. The operator's proxies are held to the same in `operator/src/traffic/proxy/affinity.test.ts`. */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { Agent, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { startBackend, type RunningBackend } from '../testing/backends.js'
import { RawClient } from '../testing/raw-client.js'
import type { Affinity, ListenerProxy, Target } from '../proxy.js'
import { startProxy } from '../start-proxy.js'

const backends: RunningBackend[] = []
const sockets = new Set<Duplex>()
let proxy: ListenerProxy
const agent = new Agent({ keepAlive: true, maxSockets: 8 })

beforeAll(async () => {
  for (const id of ['v1', 'v2', 'v3']) {
    const backend = await startBackend(id, (_req, res) => res.end(id))
    backend.server.on('upgrade', (_req, socket) => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    backends.push(backend)
  }
})
beforeEach(async () => {
  proxy = await startProxy({ host: '127.0.0.1', port: 0 })
})
afterEach(() => proxy.close())
afterAll(async () => {
  agent.destroy()
  for (const socket of sockets) socket.destroy()
  for (const backend of backends) await backend[Symbol.asyncDispose]()
})

/** Weights of v1, v2 and v3; one without a weight is not there. */
function weigh(affinity: Affinity | undefined, ...weights: readonly (number | undefined)[]): void {
  const targets = weights.flatMap((weight, i): Target[] => {
    const backend = backends[i]
    return weight === undefined || backend === undefined ? [] : [{ id: backend.id, version: backend.id, weight, backends: [backend] }]
  })
  proxy.setRoutes([{ targets, ...(affinity === undefined ? {} : { affinity }) }])
}

interface Answer {
  readonly body: string
  readonly headers: IncomingHttpHeaders
}

/** A browser: keeps its cookies. */
class Client {
  readonly cookies = new Map<string, string>()
  readonly #headers: Readonly<Record<string, string>>

  constructor(headers: Readonly<Record<string, string>> = {}) {
    this.#headers = headers
  }

  async ask(path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await new Promise<Answer>((resolve, reject) => {
      const asked = { ...this.#headers, ...headers, ...(cookie === '' ? {} : { cookie }) }
      request({ host: '127.0.0.1', port: proxy.port, agent, path, headers: asked }, (response) => {
        let body = ''
        response.on('data', (chunk) => (body += chunk))
        response.on('end', () => resolve({ body, headers: response.headers }))
      })
        .on('error', reject)
        .end()
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    expect(answer.headers['weaver-version']).toBe(answer.body)
    return answer
  }
}
const round = async (clients: readonly Client[]): Promise<string[]> =>
  (await Promise.all(clients.map((client) => client.ask()))).map(({ body }) => body)

const STEPS = [10, 25, 50, 75, 100] as const

/** Percent of the clients on the new version at each step, from v1 to v2 and then to v3. Nobody goes back. */
async function rollOutTwice(affinity: Affinity, clients: readonly Client[]): Promise<number[]> {
  const shares: number[] = []
  let before = clients.map(() => 'v1')
  const step = async (to: string): Promise<void> => {
    const got = await round(clients)
    expect(got.every((version, i) => version === to || version === before[i])).toBe(true)
    before = got
    shares.push((got.filter((version) => version === to).length * 100) / clients.length)
  }
  for (const share of STEPS) {
    weigh(affinity, 100 - share, share)
    await step('v2')
  }
  for (const share of STEPS) {
    weigh(affinity, undefined, 100 - share, share)
    await step('v3')
  }
  return shares
}

it('a user whom nothing identifies moves once in a rollout, and each step has its exact share of users', async () => {
  const clients = Array.from({ length: 40 }, () => new Client())
  const shares = await rollOutTwice({ mode: 'monotone', maxAgeSeconds: 60 }, clients)
  shares.forEach((share, i) => expect(Math.abs(share - (STEPS[i % STEPS.length] ?? 0))).toBeLessThan(2.6)) // one of them
})

it('a user with a key moves once in a rollout, without a cookie', async () => {
  const clients = Array.from({ length: 20 }, (_, i) => new Client({ 'x-user': `user-${i}@example.com` }))
  await rollOutTwice({ mode: 'monotone', key: { header: 'X-User' }, maxAgeSeconds: 60 }, clients)
  expect(clients.every(({ cookies }) => cookies.size === 0)).toBe(true)
  weigh({ mode: 'monotone', key: { cookie: 'sid' }, maxAgeSeconds: 60 }, 50, 50)
  const [one, two] = [new Client({ cookie: 'a=b; sid=1' }), new Client({ cookie: 'sid=1' })]
  expect((await one.ask()).body).toBe((await two.ask()).body)
})

it('who began on a version ends on it; when it is gone, the answer says so and another session begins', async () => {
  const affinity: Affinity = { mode: 'newSessionsOnly', maxAgeSeconds: 60 }
  weigh(affinity, 100)
  const old = Array.from({ length: 5 }, () => new Client())
  await round(old)
  weigh(affinity, 0, 100)
  expect(new Set(await round(old))).toEqual(new Set(['v1'])) // at weight 0
  expect((await new Client().ask()).body).toBe('v2')
  weigh(affinity, undefined, 100)
  const lost = await Promise.all(old.map((client) => client.ask()))
  expect(lost.map(({ body, headers }) => [body, headers['weaver-version-pin']])).toEqual(old.map(() => ['v2', 'not-live']))
  const again = await Promise.all(old.map((client) => client.ask()))
  expect(again.map(({ body, headers }) => [body, headers['weaver-version-pin']])).toEqual(old.map(() => ['v2', undefined]))
  expect(proxy.stats().lostPins).toBe(5)
})

it('a request asks for a version by header, then query, then cookie; a link holds for what its page asks for', async () => {
  weigh(undefined, 100, 0)
  const client = new Client()
  expect((await client.ask('/?a=b&weaver-version=v2')).body).toBe('v2')
  expect((await client.ask('/api')).body).toBe('v2')
  expect((await client.ask('/?weaver-version=v1')).body).toBe('v1')
  expect((await client.ask('/?weaver-version=v2', { 'X-Weaver-Version': 'v1' })).body).toBe('v1')
  await client.ask('/?weaver-version=v2')
  // A version that is not live: the usual split, and the cookie goes.
  expect(await client.ask('/?weaver-version=none')).toMatchObject({ body: 'v1', headers: { 'weaver-version-pin': 'not-live' } })
  const plain = await client.ask()
  expect([plain.headers['weaver-version-pin'], plain.headers['set-cookie']]).toEqual([undefined, undefined])
  weigh({ mode: 'monotone', carriers: ['cookie'], maxAgeSeconds: 60 }, 100, 0)
  expect((await client.ask('/?weaver-version=v2', { 'X-Weaver-Version': 'v2' })).body).toBe('v1')
  weigh({ mode: 'monotone', maxAgeSeconds: 60 }, 50, 50)
  const askWith = async (cookie: string) => {
    const { body, headers } = await new Client({ cookie }).ask()
    return [body, headers['set-cookie'] === undefined ? 'known' : 'numbered']
  }
  expect([await askWith('weaver-bucket=4999'), await askWith('weaver-bucket=5000')]).toEqual([
    ['v1', 'known'],
    ['v2', 'known'],
  ])
  for (const cookie of ['weaver-bucket=-5', 'weaver-bucket=99999', 'weaver-bucket', '; ;=;weaver-bucket='])
    expect(await askWith(cookie)).toEqual([expect.anything(), 'numbered'])
})

it('a version in two places is asked for where it has weight', async () => {
  const [one, two, three] = backends as [RunningBackend, RunningBackend, RunningBackend]
  proxy.setRoutes([
    {
      targets: [
        { id: 'west/v1', version: 'v1', weight: 0, backends: [one] },
        { id: 'west/v2', version: 'v2', weight: 100, backends: [two] },
        { id: 'east/v1', version: 'v1', weight: 100, backends: [three] },
      ],
    },
  ])
  const heard = new RawClient(proxy.port).say('GET / HTTP/1.1\r\nHost: a\r\nX-Weaver-Version: v1\r\nConnection: close\r\n\r\n')
  expect(await heard.rest()).toMatch(/\r\nweaver-version: v1\r\n[^]*v3$/)
})

it('streams of HTTP/2 and WebSockets are told their version, too', async () => {
  weigh({ mode: 'newSessionsOnly', maxAgeSeconds: 60 }, 100, 0)
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${proxy.port}`)
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    session.on('error', reject)
    session
      .request({ ':path': '/', 'x-weaver-version': 'v2', cookie: ['a=b', 'c=d'] })
      .on('response', resolve)
      .resume()
  })
  expect([headers['weaver-version'], headers['set-cookie']]).toEqual(['v2', undefined])
  session.destroy()
  const socket = new RawClient(proxy.port)
  socket.say(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n\r\n',
  )
  const head = await socket.until((heard) => heard.includes('\r\n\r\n'))
  expect(head).toMatch(/^HTTP\/1.1 101 /)
  expect(head.match(/^connection: .*$/gim)).toEqual(['Connection: Upgrade'])
  expect(head).toContain('set-cookie: weaver-version=v1; Path=/; Max-Age=60')
  socket.socket.destroy()
})

it('refuses versions and affinities that cannot be', () => {
  expect(() => proxy.setRoutes([{ targets: [{ id: 'a', version: 'a b', weight: 1, backends: [] }] }])).toThrow(/the version of target "a"/)
  for (const [affinity, said] of [
    [{ mode: 'monotone', key: { header: 'a b' }, maxAgeSeconds: 1 }, /no name of a header/],
    [{ mode: 'newSessionsOnly', carriers: ['header'], maxAgeSeconds: 1 }, /leaves the cookie out/],
    [{ mode: 'monotone', maxAgeSeconds: 0 }, /cookies for 0 s/],
  ] as const)
    expect(() => weigh(affinity, 1)).toThrow(said)
})
