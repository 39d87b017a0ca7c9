import { fileURLToPath } from 'node:url'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Factorer } from './factorer.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('factors'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('finds primes, and remembers them', async () => {
    // It says what was cached before it: an extra run would always find it cached.
    await weaverTest({ weaver, runner, entry, extraRuns: 0 }, async (test) => {
      const factorer = test.get(Factorer)
      expect(await factorer.factors(360)).toMatchObject({ primes: [2, 2, 2, 3, 3, 5], isCached: false })
      expect(await factorer.factors(360)).toMatchObject({ primes: [2, 2, 2, 3, 3, 5], isCached: true })
      expect(await factorer.factors(1)).toMatchObject({ primes: [], isCached: false })
    })
  })

  it('forgets what was not asked for longest', async () => {
    await weaverTest({ weaver, runner, entry, extraRuns: 0, config: { 'factors/Factorer': { cacheSize: 2 } } }, async (test) => {
      const isCached = async (n: number): Promise<boolean> => (await test.get(Factorer).factors(n)).isCached
      for (const [n, expected] of [
        [10, false],
        [11, false],
        [10, true],
        [12, false],
        [10, true],
        [11, false],
      ] as const)
        expect([n, await isCached(n)]).toEqual([n, expected])
    })
  })

  it('answers over HTTP, and refuses what is no number', async () => {
    await weaverTest({ weaver, runner, entry, app: App }, async (test) => {
      const url = await test.url('factors')
      expect(await (await fetch(`${url}/?n=97`)).json()).toMatchObject({ primes: [97] })
      expect((await fetch(`${url}/?n=many`)).status).toBe(400)
    })
  })
})

it('has each number remembered by one of several replicas', async () => {
  const numbers = Array.from({ length: 40 }, (_, i) => 1_000 + i)
  await weaverTest({ weaver, runner: 'multi', entry, replicas: 2 }, async (test) => {
    const ask = () => Promise.all(numbers.map((n) => test.get(Factorer).factors(n)))
    const [first, second] = [await ask(), await ask()]
    expect(second).toEqual(first.map((answer) => ({ ...answer, isCached: true })))
    expect(new Set(first.map(({ replica }) => replica)).size).toBe(2)
  })
})
