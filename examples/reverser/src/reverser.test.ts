import { fileURLToPath } from 'node:url'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Reverser } from './reverser.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('reverser'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it.each([
    ['', ''],
    ['weaver', 'revaew'],
    ['cafe\u0301 🇫🇷 👩‍🚀', '👩‍🚀 🇫🇷 e\u0301fac'],
  ])('reverses "%s"', async (text, reversed) => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      expect(await test.get(Reverser).reverse(text)).toBe(reversed)
    })
  })

  it('answers over HTTP', async () => {
    await weaverTest({ weaver, runner, entry, app: App }, async (test) => {
      const answer = await fetch(`${await test.url('reverser')}/?text=weaver`)
      expect(await answer.text()).toBe('revaew\n')
    })
  })
})
