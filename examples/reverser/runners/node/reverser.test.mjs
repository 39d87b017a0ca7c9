// Run by `node --test`.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { it } from 'node:test'
import { fake, RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { Reverser } from '../../dist/reverser.js'
import { Splitter } from '../../dist/splitter.js'
import { weaver } from '../../dist/weaver.gen.js'

const entry = new URL('../../dist/main.js', import.meta.url)

for (const runner of RUNNERS) {
  it(`reverses, with the runner ${runner}`, async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      assert.equal(await test.get(Reverser).reverse('weaver'), 'revaew')
    })
  })

  it(`takes a fake, with the runner ${runner}`, async () => {
    const split = async () => ['a', '-', 'b']
    await weaverTest({ weaver, runner, entry, fakes: [fake(Splitter, { split })] }, async (test) => {
      assert.equal(await test.get(Reverser).reverse('ab'), 'b-a')
    })
  })
}

it('is told of what is left behind', async () => {
  const server = createServer()
  const leaky = weaverTest({ weaver }, () => once(server.listen(0, '127.0.0.1'), 'listening'))
  await assert.rejects(leaky, /a server still listens/)
  server.close()
})
