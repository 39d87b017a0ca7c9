import { fileURLToPath } from 'node:url'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Even, Odd } from './steps.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** What both classes have besides their interface. */
interface Known {
  readonly known: ReadonlyMap<number, number>
}

beforeAll(() => buildExample('collatz'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it.each([1, 2])('counts the steps, with %i of each component', async (replicas) => {
    await weaverTest({ weaver, runner, entry, replicas }, async (test) => {
      const [even, odd] = [test.get(Even), test.get(Odd)]
      expect(await odd.steps(1)).toBe(0)
      expect(await even.steps(8)).toBe(3)
      expect(await odd.steps(27)).toBe(111)
      expect(await Promise.all([6, 6, 97, 871].map((n) => (n % 2 === 0 ? even : odd).steps(n)))).toEqual([8, 8, 118, 178])
    })
  })

  it('answers over HTTP, and refuses what is no number', async () => {
    await weaverTest({ weaver, runner, entry, app: App }, async (test) => {
      const url = await test.url('collatz')
      expect(await (await fetch(`${url}/?n=27`)).text()).toBe('27: 111 steps\n')
      expect((await fetch(`${url}/?n=0`)).status).toBe(400)
    })
  })
})

it('remembers each number in one of several replicas', async () => {
  await weaverTest({ weaver, runner: 'rpc', replicas: 2 }, async (test) => {
    const odd = test.get(Odd)
    const even = test.get(Even)
    for (const n of [27, 97, 871, 703, 6171]) await odd.steps(n)
    for (const n of [12, 54, 10_000]) await even.steps(n)
    for (const token of [Even, Odd]) {
      const [first = [], second = []] = test.implementations(token).map((found) => [...(found as unknown as Known).known.keys()])
      expect(first.length * second.length).toBeGreaterThan(0)
      expect(first.filter((n) => n !== 1 && second.includes(n))).toEqual([]) // every odd one knows 1
    }
  })
})
