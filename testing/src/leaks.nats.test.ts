/** What a test may leave behind, planted, and what the test kit says of it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect } from '@nats-io/transport-node'
import { component, implement } from '@weaver/sdk'
import { bindByHand, genByHand } from '@weaver/sdk/test-support'
import { weaverTest, type WeaverTestOptions } from './weaver-test.js'

interface Shop {
  open(url: string): Promise<string>
}
const Shop = component<Shop>('shop/Shop', { notRetriable: ['open'] })

/** A test of an application whose one method does that. @returns what the test kit complains of */
async function complaintOf(open: (url: string) => Promise<void>, options: Partial<WeaverTestOptions> = {}): Promise<string> {
  class ShopImpl implements Shop {
    async open(url: string) {
      await open(url)
      return 'open'
    }
  }
  const weaver = genByHand([bindByHand(Shop, implement(Shop, ShopImpl), { methods: ['open'] })])
  return weaverTest({ weaver, ...options }, (test) => test.get(Shop).open(test.natsUrl ?? '')).then(
    () => 'none',
    (error: { readonly code: string; readonly message: string }) => `${error.code}: ${error.message}`,
  )
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe.each(['local', 'rpc'] as const)('with the runner %s a test is told of', (runner) => {
  it('a process that still runs, with its command', async () => {
    let child: ChildProcess | undefined
    const said = await complaintOf(
      async () => {
        child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
        closing.push(() => child?.kill('SIGKILL'))
      },
      { runner },
    )
    expect(said).toContain('WEAVER_TEST: the test left something behind: ')
    expect(said).toContain(`the process ${child?.pid} (`)
    expect(said).toContain('setInterval')
  })

  it('servers that listen', async () => {
    const servers = [createServer(), createServer()]
    const said = await complaintOf(
      async () => {
        for (const server of servers) {
          server.listen(0, '127.0.0.1')
          closing.push(() => server.close())
          await once(server, 'listening')
        }
      },
      { runner },
    )
    expect(said).toBe('WEAVER_TEST: the test left something behind: 2 servers still listen')
  })

  it('nothing where everything was closed, or was there before, or is not asked for', async () => {
    const before = createServer().listen(0, '127.0.0.1')
    closing.push(() => before.close())
    const tidy = async (): Promise<void> => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      server.close()
      const child = spawn(process.execPath, ['-e', ''])
      await once(child, 'exit')
    }
    expect(await complaintOf(tidy, { runner })).toBe('none')
    const untidy = async (): Promise<void> => {
      const other = createServer().listen(0, '127.0.0.1')
      closing.push(() => other.close())
      await once(other, 'listening')
    }
    expect(await complaintOf(untidy, { runner, checkLeaks: false })).toBe('none')
  })
})

it('a connection that is left is told with its name and its subscriptions', async () => {
  const said = await complaintOf(
    async (url) => {
      const held = await connect({ servers: url, name: 'held by the shop', reconnect: false })
      closing.push(() => held.close().catch(() => undefined)) // the broker has gone
      for (const subject of ['a', 'b']) held.subscribe(subject)
      await held.flush()
    },
    { runner: 'rpc' },
  )
  expect(said).toContain('the connection "held by the shop" to the broker is still open, with 2 subscriptions')
})

it('tests that run at the same time do not accuse each other', async () => {
  const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(await Promise.all([complaintOf(slow, { runner: 'rpc' }), complaintOf(async () => undefined)])).toEqual(['none', 'none'])
})
