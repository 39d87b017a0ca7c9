// Run by `node --experimental-vm-modules node_modules/jest/bin/jest.js`: tests are ES modules, so is the application.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fake, RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { Reverser } from '../../dist/reverser.js'
import { Splitter } from '../../dist/splitter.js'
import { weaver } from '../../dist/weaver.gen.js'

const entry = new URL('../../dist/main.js', import.meta.url)

for (const runner of RUNNERS) {
  it(`reverses, with the runner ${runner}`, async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      expect(await test.get(Reverser).reverse('weaver')).toBe('revaew')
    })
  }, 60_000)

  it(`takes a fake, with the runner ${runner}`, async () => {
    const split = async () => ['a', '-', 'b']
    await weaverTest({ weaver, runner, entry, fakes: [fake(Splitter, { split })] }, async (test) => {
      expect(await test.get(Reverser).reverse('ab')).toBe('b-a')
    })
  }, 60_000)
}

it('is told of what is left behind', async () => {
  const server = createServer()
  const leaky = weaverTest({ weaver }, () => once(server.listen(0, '127.0.0.1'), 'listening'))
  await expect(leaky).rejects.toThrow(/a server still listens/)
  server.close()
}, 60_000)
