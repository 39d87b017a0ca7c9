/** Real HAProxy processes and HTTP servers on loopback; only the Kubernetes API is a stand-in (`testing/memory-kube.ts` says how it differs). */
import 'reflect-metadata' // which @peculiar/x509 finds when it is loaded
import type { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import * as x509 from '@peculiar/x509'
import { createProxyWorld, type ProxyWorld } from '../../testing/proxy-world.js'
import { startVersionProcess } from '../../testing/version-pods.js'
import { countAnswers, send, startLoad, type Answer } from '../../testing/strict-load.js'

let world: ProxyWorld

/** Two proxies in front of two versions with pods, weights as given. */
async function start(
  net: number,
  options: { readonly weights?: Record<string, number>; readonly pods?: number; readonly proxies?: number } = {},
  driver = {},
): Promise<void> {
  world = createProxyWorld(net, driver)
  for (const version of ['v1', 'v2']) for (let i = 0; i < (options.pods ?? 2); i++) await world.addPod(version)
  const weights = options.weights ?? { v1: 100 }
  await world.sync(weights)
  await world.startProxies(options.proxies ?? 2)
  await world.settle(weights)
}
const hosts = () => world.proxies.map((p) => p.ip)
const host = () => hosts()[0] ?? ''
const lostOf = (answers: readonly Answer[]) => answers.filter((a) => a.body === undefined)

afterEach(async () => {
  await world.close()
})

it('splits requests exactly at every weight, whatever the number of pods', async () => {
  await start(11, { proxies: 1 })
  await world.addPod('v1')
  // Most of them where one too many is 1 % of a version's own.
  for (const [share, requests] of [[1, 10_000], ...[5, 10, 25, 50, 75].map((some) => [some, 1_000] as const)] as const) {
    const weights = { v1: 100 - share, v2: share }
    const seen = await world.settle(weights)
    expect(seen.weightObserved).toEqual(weights)
    const ofNew = (requests * share) / 100
    expect(await countAnswers(host(), requests)).toEqual({ 'web-v1': requests - ofNew, 'web-v2': ofNew })
  }
}, 300_000)

it('changes weights, back and forth, without losing a request', async () => {
  await start(12)
  const load = startLoad(hosts, 500)
  for (const share of [10, 25, 50, 100, 0, 100]) {
    await world.settle({ v1: 100 - share, v2: share })
    await sleep(500)
  }
  const answers = await load.stop(1_200)
  expect(lostOf(answers)).toEqual([])
})

it('adds pods, and drains and deletes those that end, without losing a request', async () => {
  await start(13)
  const load = startLoad(hosts, 500)
  for (let round = 0; round < 3; round++) {
    const [old] = world.pods['v1'] ?? []
    await world.addPod('v1')
    await world.settle({ v1: 50, v2: 50 })
    // What a pod does that is deleted: it leaves the slices as terminating, serves on for a while, and goes.
    world.slices[old?.view.name ?? ''] = { terminating: true, ready: false }
    await sleep(200)
    await world.settle({ v1: 50, v2: 50 })
    await sleep(300)
    await old?.leave()
    world.pods['v1'] = (world.pods['v1'] ?? []).slice(1)
    await world.settle({ v1: 50, v2: 50 })
  }
  const answers = await load.stop(800)
  expect(lostOf(answers)).toEqual([])
  // Ended pods are not kept as servers.
  await world.settle({ v1: 50, v2: 50 })
  expect(await admin('show stat').then((t) => t.match(/^lis_s1,web-main/gm)?.length)).toBe(2)
})

it('never drains the last pod of a version with weight before another is up', async () => {
  await start(14, { pods: 1 })
  const [only] = world.pods['v1'] ?? []
  world.slices[only?.view.name ?? ''] = { terminating: true, ready: false }
  const seen = await world.sync({ v1: 100 })
  expect(seen).toMatchObject({ inSync: false, waitingFor: expect.stringContaining('before "web-main-v1-1_') })
  expect(await send(host())).toMatchObject({ body: 'web-v1' })
  const fresh = await world.addPod('v1')
  await world.settle({ v1: 100 })
  const before = fresh.requests()
  await countAnswers(host(), 20)
  expect(fresh.requests() - before).toBe(20)
})

it('a killed pod costs no GET', async () => {
  await start(15, { pods: 1 })
  const victim = await startVersionProcess('web-main-v1-victim', '127.15.1.99', 'web-v1')
  try {
    world.pods['v1']?.push({
      view: victim.view,
      deploymentId: 'web-v1',
      isReady: true,
      delayMs: 0,
      requests: () => 0,
      leave: async () => {},
      close: async () => {},
    })
    await world.settle({ v1: 100 })
    const load = startLoad(hosts, 500)
    await sleep(700)
    await victim.kill()
    const dead = performance.now()
    await sleep(7_000)
    const answers = await load.stop(700)
    expect(lostOf(answers).filter((a) => a.method === 'GET')).toEqual([])
    // A POST that the pod had read may have run, so it is not repeated; nothing that came after its end is lost (a proxy that got no turn has not seen it yet).
    expect(lostOf(answers).filter(({ start }) => start > dead + 5_000)).toEqual([])
  } finally {
    await victim.close()
  }
})

it('a restarted proxy is unready until it was programmed anew, and serves nobody by its stale files', async () => {
  await start(16)
  const stale = world.files().config
  await world.settle({ v2: 100 })
  const [proxy] = world.proxies
  const ready = () => Promise.all(world.proxies.map((p) => p.isReady()))
  await proxy?.restart({ files: stale })
  await sleep(1_000)
  expect(await ready()).toEqual([false, true])
  expect(stale['plan.map']).toContain('lis lis_s1:10000')
  const seen = await world.settle({ v2: 100 })
  expect(seen.weightObserved).toEqual({ v1: 0, v2: 100 })
  expect(await ready()).toEqual([true, true])
  expect(await countAnswers(host(), 200)).toEqual({ 'web-v2': 200 })
})

it('a proxy that nobody programs serves its files after the fail-open time', async () => {
  await start(17, { proxies: 1 }, { failOpenSeconds: 2 })
  await world.settle({ v2: 100 })
  const [proxy] = world.proxies
  await proxy?.restart({ files: world.files().config })
  expect(await proxy?.isReady()).toBe(false)
  await sleep(3_000)
  expect(await proxy?.isReady()).toBe(true)
  expect(await countAnswers(host(), 100)).toEqual({ 'web-v2': 100 })
})

it('reports requests in flight until they ended, and releases a version when no proxy names it', async () => {
  await start(18, { weights: { v1: 100 } }, { forgetAfterMs: 1_500 })
  for (const pod of world.pods['v1'] ?? []) pod.delayMs = 1_500
  const slow = Array.from({ length: 20 }, (_, i) => send(hosts()[i % 2] ?? ''))
  await sleep(300)
  expect(await world.sync({ v2: 100 })).toMatchObject({
    inSync: true,
    weightObserved: { v1: 0, v2: 100 },
    inFlight: { v1: 20, v2: 0 },
    requests: { v1: 20 },
    released: [],
  })
  expect(lostOf(await Promise.all(slow))).toEqual([])
  expect((await world.sync({ v2: 100 })).inFlight).toEqual({ v1: 0, v2: 0 })

  const dropped = await world.sync({ v2: 100 }, ['v2'])
  expect(dropped).toMatchObject({ released: [], holding: ['v1'] })
  expect(JSON.stringify(world.files().config['plan.map']) + world.files().config['slots.map']).not.toContain('web-v1')
  let seen = dropped
  for (let i = 0; i < 40 && seen.released.length === 0; i++) {
    await sleep(100)
    seen = await world.sync({ v2: 100 }, ['v2'])
  }
  expect(seen).toMatchObject({ inSync: true, released: ['v1'], holding: [] })
  expect(await admin('show stat')).not.toContain('web-main-v1')
  expect(await admin('show map slots.map')).not.toContain('web-v1')
})

it('requests that outlast the time of a version that was let go are cut, and that is logged', async () => {
  await start(19, { proxies: 1 }, { forgetAfterMs: 0, cutAfterMs: 500 })
  for (const pod of world.pods['v1'] ?? []) pod.delayMs = 8_000
  const endless = send(host(), { timeoutMs: 9_000 })
  await sleep(200)
  await world.settle({ v2: 100 })
  await world.sync({ v2: 100 }, ['v2'])
  await sleep(600)
  for (let i = 0; i < 20 && (await world.sync({ v2: 100 }, ['v2'])).holding?.length !== 0; i++) await sleep(100)
  expect(await endless).toMatchObject({ body: undefined })
  expect(world.log.join('')).toContain('requests cut')
})

it('a request may ask for a version by header or cookie, whatever its weight', async () => {
  await start(20, { weights: { v1: 100 }, proxies: 1 })
  expect(await countAnswers(host(), 50, { headers: { 'x-weaver-version': 'v2' } })).toEqual({ 'web-v2': 50 })
  expect(await countAnswers(host(), 50, { headers: { cookie: 'weaver-version=v2' } })).toEqual({ 'web-v2': 50 })
  expect(await countAnswers(host(), 50, { headers: { 'x-weaver-version': 'unknown' } })).toEqual({ 'web-v1': 50 })
})

it('a pod whose address belongs to another version is not up, and its version gets no weight', async () => {
  await start(21, { pods: 1 })
  const impostor = await world.addPod('v3')
  impostor.deploymentId = 'web-v1'
  const seen = await world.sync({ v1: 50, v3: 50 })
  expect(seen).toMatchObject({ inSync: false, weightObserved: { v1: 100, v2: 0, v3: 0 } })
  expect(seen.waitingFor).toContain('to see a pod of version "v3" up on listener "lis"')
  expect(impostor.requests()).toBe(0)
  impostor.deploymentId = 'web-v3'
  expect((await world.settle({ v1: 50, v3: 50 })).weightObserved).toEqual({ v1: 50, v2: 0, v3: 50 })
  // And one that was up and is taken over is found out by its check.
  for (const pod of await addSecond('v3')) pod.deploymentId = 'web-v2'
  await sleep(3_000)
  expect(Object.keys(await countAnswers(host(), 200)).sort()).toEqual(['web-v1', 'web-v3'])
})

it('proxies that end on SIGUSR1 and come back lose nothing, and their successors start unready', async () => {
  await start(25, { weights: { v1: 50, v2: 50 } })
  const ready = new Set(hosts())
  const load = startLoad(() => [...ready], 400)
  for (const proxy of world.proxies) {
    // The endpoint goes first, as the preStop wait sees to; then the signal.
    ready.delete(proxy.ip)
    await sleep(300)
    // An operator closes its connection to a proxy that terminates, because an open one delays the end.
    await world.driver.close()
    await proxy.restart({ signal: 'SIGUSR1', files: world.files().config })
    expect(await proxy.isReady()).toBe(false)
    do await world.settle({ v1: 50, v2: 50 })
    while (!(await proxy.isReady())) // a probe of a busy machine may take too long
    ready.add(proxy.ip)
  }
  const answers = await load.stop(1_000)
  expect(lostOf(answers)).toEqual([])
})

it('raises nothing while a ready proxy does not answer', async () => {
  await start(22)
  const [first] = world.proxies
  first?.signal('SIGSTOP')
  await world.restartOperator({
    adminTimeoutMs: 500,
    proxyPods: async () => world.proxies.map((p) => ({ name: p.name, uid: p.name, ip: p.ip, ready: true, terminating: false })),
  })
  const seen = await world.sync({ v1: 90, v2: 10 })
  expect(seen).toMatchObject({ inSync: false, weightObserved: {}, waitingFor: expect.stringContaining('proxy "web-proxy-1"') })
  expect(await countAnswers(hosts()[1] ?? '', 100)).toEqual({ 'web-v1': 100 })
  first?.signal('SIGCONT')
  expect((await world.settle({ v1: 90, v2: 10 })).weightObserved).toEqual({ v1: 90, v2: 10 })
})

it('an operator that starts anew, even without the stored slots, moves nothing', async () => {
  await start(23, { weights: { v1: 75, v2: 25 } })
  const load = startLoad(hosts, 200)
  await world.restartOperator()
  const before = world.files().config['plan.map']
  expect((await world.sync({ v1: 75, v2: 25 })).weightObserved).toEqual({ v1: 75, v2: 25 })
  world.kube.remove({ group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' }, 'shop', 'web-proxy')
  await world.restartOperator()
  expect((await world.sync({ v1: 75, v2: 25 })).weightObserved).toEqual({ v1: 75, v2: 25 })
  expect(world.files().config['plan.map']).toBe(before)
  expect(lostOf(await load.stop(100))).toEqual([])
})

it('a proxy that does not know a new listener is told apart, and its successor takes over', async () => {
  await start(26, { proxies: 1 })
  const both = () => {
    const plan = world.plan({ v1: 100 })
    return { ...plan, listeners: [...plan.listeners, ...plan.listeners.map((l) => ({ ...l, listener: { name: 'admin', port: 81 } }))] }
  }
  const sync = () => world.driver.sync(both())
  expect(await sync()).toMatchObject({ inSync: false, waitingFor: expect.stringContaining('that knows listener "admin"') })
  expect(await countAnswers(host(), 50)).toEqual({ 'web-v1': 50 })
  // What the Deployment does: a new pod beside the old one, then the old one goes.
  await world.startProxies(1)
  do expect(await sync()).toMatchObject({ inSync: false, weightObserved: {} })
  while ((await world.proxies[1]?.isReady()) !== true) // a busy machine may not answer the first pass in time
  const [old] = world.proxies.splice(0, 1)
  await old?.stop()
  // Port 8080 is that of "admin" now.
  expect(await countAnswers(host(), 50)).toEqual({ 'web-v1': 50 })
  expect(await sync()).toMatchObject({ inSync: true, weightObserved: { v1: 100, v2: 0 } })
})

it('refuses another name, another authority and no certificate on the administration port', async () => {
  await start(24, { proxies: 1 })
  const tls = world.files().tls as Record<'ca.pem' | 'ca.key' | 'client.pem' | 'client.key', string>
  const key = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decode(tls['ca.key'])[0] ?? new ArrayBuffer(0),
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign'],
  )
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const authority = new x509.X509Certificate(tls['ca.pem'])
  const issue = (issuer: string, signingKey: webcrypto.CryptoKey, name: string) =>
    x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 600_000),
      extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
    }).then((c) => c.toString('pem'))
  const ownKey = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  const ask = (cert?: string, certKey?: string) =>
    new Promise<string>((resolve) => {
      let text = ''
      const socket = connect({
        host: host(),
        port: 9443,
        servername: 'weaver-proxy',
        ca: tls['ca.pem'],
        ...(cert === undefined ? {} : { cert, key: certKey }),
        timeout: 3_000,
      })
      socket.on('secureConnect', () => socket.write('show info\n'))
      socket.on('data', (d) => (text += d.toString()))
      socket.on('error', () => undefined)
      socket.on('timeout', () => socket.destroy())
      socket.on('close', () => resolve(text))
    })
  expect(await ask(tls['client.pem'], tls['client.key'])).toContain('Name: HAProxy')
  expect(await ask(await issue(authority.subject, key, 'weaver-operator'), ownKey)).toContain('Name: HAProxy')
  expect(await ask(await issue(authority.subject, key, 'somebody'), ownKey)).toBe('')
  expect(await ask(await issue(authority.subject, keys.privateKey, 'weaver-operator'), ownKey)).toBe('')
  expect(await ask()).toBe('')
})

/** One more pod of a version, up at every proxy. */
async function addSecond(version: string) {
  const pod = await world.addPod(version)
  await world.settle({ v1: 50, [version]: 50 })
  return [pod]
}

/** Asks the first proxy over its own socket of the administration port. */
async function admin(command: string): Promise<string> {
  const tls = world.files().tls
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({
      host: host(),
      port: 9443,
      servername: 'weaver-proxy',
      ca: tls['ca.pem'],
      cert: tls['client.pem'],
      key: tls['client.key'],
    })
    socket.on('secureConnect', () => socket.write(`${command}\n`))
    socket.on('data', (d) => (text += d.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

it('answers for its hosts and the names of its Service, and refuses others with 421 (issue 10, 38)', async () => {
  world = createProxyWorld(31)
  world.hosts = ['shop.example', '*.shop.example']
  await world.addPod('v1')
  await world.sync({ v1: 100 })
  await world.startProxies(1)
  await world.settle({ v1: 100 })
  const answer = async (name: string) => {
    const { body, error } = await send(host(), { headers: { host: name } })
    return body ?? error
  }
  for (const name of ['shop.example', 'SHOP.example:8080', 'eu.shop.example', 'web-lis', 'web-lis.shop', 'web-lis.shop.svc.cluster.local'])
    expect([name, await answer(name)]).toEqual([name, 'web-v1'])
  for (const name of ['example', 'a.eu.shop.example', 'shop.example.evil', '.shop.example', 'shopxexample', '127.0.0.1'])
    expect([name, await answer(name)]).toEqual([name, 'status 421'])
})

it('counts an open WebSocket as in flight, and ends it when the version is let go (issue 10, 37)', async () => {
  await start(32, { weights: { v1: 100 }, proxies: 1, pods: 1 }, { cutAfterMs: 300, forgetAfterMs: 0 })
  const socket = connectTcp({ host: host(), port: 8080 })
  const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(Date.now())))
  socket.write(
    'GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1.1 101/)
  const seen = await world.settle({ v2: 100 })
  expect(seen.inFlight).toMatchObject({ v1: 1, v2: 0 })
  // The engine lets go of v1: it leaves the plan.
  const letGo = Date.now()
  for (let i = 0; i < 40 && !socket.destroyed; i++) {
    await world.sync({ v2: 100 }, ['v2'])
    await sleep(50)
  }
  expect((await closed) - letGo).toBeGreaterThanOrEqual(250)
  expect((await world.settle({ v2: 100 }, ['v2'])).inFlight).toEqual({ v2: 0 })
})
