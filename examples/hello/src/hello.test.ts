import { fileURLToPath } from 'node:url'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Greeter } from './greeter.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('hello'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('greets', async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      expect(await test.get(Greeter).greet('Ada')).toBe('Hello, Ada!')
    })
  })

  it('answers over HTTP, with the greeting of its configuration', async () => {
    await weaverTest({ weaver, runner, entry, app: App, config: '["hello/Greeter"]\ngreeting = "Good day"' }, async (test) => {
      const answer = await fetch(`${await test.url('hello')}/?name=Ada`)
      expect(await answer.text()).toBe('Good day, Ada!\n')
    })
  })
})
