/** Real HAProxy processes and HTTP servers on loopback; only the Kubernetes API is a stand-in (`testing/memory-kube.ts` says how it differs). */
import { setTimeout as sleep } from 'node:timers/promises'
import { createProxyWorld, type ProxyWorld } from '../testing/proxy-world.js'
import { countAnswers, send, startLoad, type Answer } from '../testing/strict-load.js'

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
const lostOf = (answers: readonly Answer[]) => answers.filter((a) => a.body === undefined)

afterEach(async () => {
  await world.close()
})

it('splits 10,000 requests exactly at every weight, whatever the number of pods', async () => {
  await start(11, { proxies: 1 })
  await world.addPod('v1')
  for (const share of [1, 5, 10, 25, 50, 75]) {
    const weights = { v1: 100 - share, v2: share }
    const seen = await world.settle(weights)
    expect(seen.weightObserved).toEqual(weights)
    expect(await countAnswers(hosts()[0] ?? '', 10_000)).toEqual({ 'web-v1': 10_000 - share * 100, 'web-v2': share * 100 })
  }
}, 120_000)

it('changes weights, back and forth, without losing a request', async () => {
  await start(12)
  const load = startLoad(hosts, 500)
  for (const share of [10, 25, 50, 100, 0, 100]) {
    await world.settle({ v1: 100 - share, v2: share })
    await sleep(500)
  }
  const answers = await load.stop()
  expect(answers.length).toBeGreaterThan(1_200)
  expect(lostOf(answers)).toEqual([])
}, 60_000)
