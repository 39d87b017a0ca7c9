/** Real HAProxy processes and HTTP servers on loopback, as in `proxy-driver.test.ts`. */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProxyWorld, type ProxyWorld } from '../../testing/proxy-world.js'
import { countAnswers, send, type Answer } from '../../testing/strict-load.js'
import type { TrafficAffinity } from '../driver.js'

let world: ProxyWorld
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
afterEach(() => world.close())
afterAll(() => agent.destroy())

async function start(net: number, affinity: TrafficAffinity | undefined, options = {}): Promise<void> {
  world = createProxyWorld(net, options)
  world.affinity = affinity
  for (const version of ['v1', 'v2']) await world.addPod(version)
  await world.sync({ v1: 100 })
  await world.startProxies(2)
  await world.settle({ v1: 100 })
}

/** A browser: keeps its cookies, and goes to the proxies in turn. */
class Client {
  readonly cookies = new Map<string, string>()
  readonly #headers: Readonly<Record<string, string>>
  #turn: number

  constructor(turn: number, headers: Readonly<Record<string, string>> = {}) {
    this.#turn = turn
    this.#headers = headers
  }

  async ask(path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const proxy = world.proxies[this.#turn++ % world.proxies.length]
    const answer = await send(proxy?.ip ?? '', {
      agent,
      path,
      headers: { ...this.#headers, ...headers, ...(cookie === '' ? {} : { cookie }) },
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }
}

/** Every client asks once; which version each got. */
async function round(clients: readonly Client[]): Promise<string[]> {
  const got: string[] = []
  const waiting = [...clients.entries()]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, client] = next
      const answer = await client.ask()
      got[index] = answer.body ?? answer.error ?? 'lost'
      // The answer says which version it is of.
      expect(`web-${String(answer.headers['weaver-version'])}`).toBe(got[index])
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return got
}
const STEPS = [10, 25, 50, 75, 100] as const

/** Users over a whole rollout: percent of them on the new version at each step. Nobody goes back. */
async function rollOut(clients: readonly Client[], from: string, to: string): Promise<number[]> {
  let before = clients.map(() => `web-${from}`)
  const shares: number[] = []
  for (const step of STEPS) {
    await world.settle({ [from]: 100 - step, [to]: step })
    const got = await round(clients)
    expect(got.every((version, i) => version === `web-${to}` || version === before[i])).toBe(true)
    before = got
    shares.push((got.filter((v) => v === `web-${to}`).length * 100) / clients.length)
  }
  return shares
}

it('a user whom nothing identifies moves once in a rollout, and each step has its exact share of users', async () => {
  await start(41, { mode: 'monotone', maxAgeSeconds: 3_600 })
  const clients = Array.from({ length: 300 }, (_, i) => new Client(i))
  const isExact = (shares: readonly number[]) => shares.every((share, i) => Math.abs(share - (STEPS[i] ?? 0)) < 1)
  expect(isExact(await rollOut(clients, 'v1', 'v2'))).toBe(true)
  await world.addPod('v3')
  expect(isExact(await rollOut(clients, 'v2', 'v3'))).toBe(true)
  // The way back, when a rollout is given up, is the same for everybody.
  await world.settle({ v2: 100 })
  expect(new Set(await round(clients))).toEqual(new Set(['web-v2']))
  expect(new Set(clients.flatMap((c) => [...c.cookies.keys()]))).toEqual(new Set(['weaver-bucket']))
})

it('a user with a key moves once in a rollout, on every proxy and device; requests without the key are split one by one', async () => {
  await start(42, { mode: 'monotone', key: { header: 'X-User' }, maxAgeSeconds: 3_600 })
  const clients = Array.from({ length: 300 }, (_, i) => new Client(i, { 'x-user': `user-${i}@example.com` }))
  const shares = await rollOut(clients, 'v1', 'v2')
  // Three standard deviations of 300 users, who are always the same ones here.
  shares.forEach((share, i) => expect(Math.abs(share - (STEPS[i] ?? 0))).toBeLessThan(8.7))
  expect(clients.every((c) => c.cookies.size === 0)).toBe(true)
  await world.settle({ v1: 75, v2: 25 })
  const ip = world.proxies[0]?.ip ?? ''
  expect(await countAnswers(ip, 400)).toEqual({ 'web-v1': 300, 'web-v2': 100 })
  expect(await countAnswers(ip, 400, { headers: { 'x-user': '' } })).toEqual({ 'web-v1': 300, 'web-v2': 100 })
  expect(Object.keys(await countAnswers(ip, 50, { headers: { 'x-user': 'one' } }))).toHaveLength(1)
})

it('who began on a version ends on it; when it is gone, the answer says so and another session begins', async () => {
  await start(43, { mode: 'newSessionsOnly', maxAgeSeconds: 3_600 }, { forgetAfterMs: 0 })
  const old = Array.from({ length: 20 }, (_, i) => new Client(i))
  expect(new Set(await round(old))).toEqual(new Set(['web-v1']))
  await world.settle({ v2: 100 })
  const fresh = Array.from({ length: 20 }, (_, i) => new Client(i))
  for (let i = 0; i < 3; i++) {
    expect(new Set(await round(old))).toEqual(new Set(['web-v1'])) // at weight 0
    expect(new Set(await round(fresh))).toEqual(new Set(['web-v2']))
  }
  // What is in flight on a version that leaves begins no session on it.
  for (const pod of world.pods['v1'] ?? []) pod.delayMs = 3_000
  const slow = new Client(0, { 'x-weaver-version': 'v1' }).ask()
  await sleep(200)
  await world.settle({ v2: 100 }, ['v2'])
  const { body, headers } = await slow
  expect([body, headers['weaver-version'], headers['set-cookie']]).toEqual(['web-v1', undefined, undefined])
  for (const pod of world.pods['v1'] ?? []) pod.delayMs = 0
  await world.settle({ v2: 100 })
  // While no pod of it is ready, another version answers; a client that asks for it by a header can come back.
  const [pod] = world.pods['v1'] ?? []
  world.slices[pod?.view.name ?? ''] = { ready: false }
  await world.settle({ v2: 100 })
  const held = new Client(0, { 'x-weaver-version': 'v1' })
  expect(await held.ask()).toMatchObject({ body: 'web-v2', headers: { 'weaver-version-pin': 'not-live' } })
  delete world.slices[pod?.view.name ?? '']
  await world.settle({ v2: 100 })
  expect((await held.ask()).body).toBe('web-v1')
  await world.settle({ v2: 100 }, ['v2'])
  const answers = await Promise.all(old.map((c) => c.ask()))
  expect(answers.map((a) => [a.body, a.headers['weaver-version-pin']])).toEqual(old.map(() => ['web-v2', 'not-live']))
  const again = await Promise.all(old.map((c) => c.ask()))
  expect(again.map((a) => [a.body, a.headers['weaver-version-pin']])).toEqual(old.map(() => ['web-v2', undefined]))
  expect((await world.settle({ v2: 100 }, ['v2'])).lostPins).toBe(21)
})

it('a request asks for a version by header, then query, then cookie; a link holds for what its page asks for', async () => {
  await start(44, undefined)
  const client = new Client(0)
  expect((await client.ask('/?a=b&weaver-version=v2')).body).toBe('web-v2')
  expect(await client.ask('/api')).toMatchObject({ body: 'web-v2', headers: { 'weaver-version': 'v2' } })
  expect((await client.ask('/?weaver-version=v1')).body).toBe('web-v1')
  expect((await client.ask('/?weaver-version=v2', { 'x-weaver-version': 'v1' })).body).toBe('web-v1')
  expect((await client.ask()).body).toBe('web-v1')
  await client.ask('/?weaver-version=v2')
  // A version that is not live: the usual split; asked for by a header, it leaves the cookie alone.
  expect((await client.ask('/', { 'x-weaver-version': 'none' })).headers['weaver-version-pin']).toBe('not-live')
  expect(client.cookies.get('weaver-version')).toBe('v2')
  // By a link, the cookie goes.
  const lost = await client.ask('/?weaver-version=none')
  expect([lost.body, lost.headers['weaver-version-pin'], client.cookies.size]).toEqual(['web-v1', 'not-live', 0])
  const plain = await client.ask()
  expect([plain.body, plain.headers['weaver-version-pin'], plain.headers['set-cookie']]).toEqual(['web-v1', undefined, undefined])
  const foreign = await client.ask('/', { 'x-weaver-version': '%[env(PATH)]' })
  expect([foreign.body, foreign.headers['weaver-version-pin']]).toEqual(['web-v1', 'not-live'])
})

it('asks are heard by the named carriers alone', async () => {
  await start(45, { mode: 'monotone', carriers: ['cookie'], maxAgeSeconds: 3_600 })
  const client = new Client(0)
  expect((await client.ask('/?weaver-version=v2', { 'x-weaver-version': 'v2' })).body).toBe('web-v1')
  client.cookies.set('weaver-version', 'v2')
  expect((await client.ask()).body).toBe('web-v2')
  client.cookies.delete('weaver-version')
  await world.settle({ v1: 50, v2: 50 })
  const askWith = async (value: string) => {
    client.cookies.set('weaver-bucket', value)
    const { body, headers } = await client.ask()
    return [body, headers['set-cookie'] === undefined ? 'known' : 'numbered']
  }
  expect([await askWith('0'), await askWith('4999'), await askWith('5000'), await askWith('9999')]).toEqual([
    ['web-v1', 'known'],
    ['web-v1', 'known'],
    ['web-v2', 'known'],
    ['web-v2', 'known'],
  ])
  // Whatever somebody writes into the cookie, it is a number of the cycle or nothing.
  for (const value of ['-5', '99999999', 'abc', '']) expect(await askWith(value)).toEqual([expect.anything(), 'numbered'])
})
