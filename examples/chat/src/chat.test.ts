import type { EventEmitter } from 'node:events'
import { fileURLToPath } from 'node:url'
import { withContext } from '@weaver/sdk'
import { RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Rooms, type Message } from './rooms.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('chat'), 120_000)

async function take(messages: AsyncIterable<Message>, count: number): Promise<string[]> {
  const taken: string[] = []
  for await (const { id, author, text } of messages) if (taken.push(`${id} ${author}: ${text}`) === count) break
  return taken
}

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('hands what is said in a room to all who follow it, those before and those after, and to nobody else', async () => {
    await weaverTest({ weaver, runner, entry }, async (test) => {
      const rooms = test.get(Rooms)
      const early = [take(rooms.follow('tea', 0), 2), take(rooms.follow('tea', 0), 2)]
      const other = take(rooms.follow('coffee', 0), 1)
      await rooms.post('tea', 'ada', 'hello')
      await rooms.post('tea', 'alan', 'hi')
      await rooms.post('coffee', 'grace', 'anybody?')
      const said = ['1 ada: hello', '2 alan: hi']
      expect(await Promise.all(early)).toEqual([said, said])
      expect(await other).toEqual(['1 grace: anybody?'])
      expect(await take(rooms.follow('tea', 0), 2)).toEqual(said)
      expect(await take(rooms.follow('tea', 1), 1)).toEqual(said.slice(1))
      expect(await take(rooms.follow('tea', 77), 2)).toEqual(said) // a number from elsewhere
    })
  })

  it('keeps the last messages only', async () => {
    await weaverTest({ weaver, runner, entry, config: '["chat/Rooms"]\nkeep = 2' }, async (test) => {
      const rooms = test.get(Rooms)
      for (const text of ['one', 'two', 'three']) await rooms.post('tea', 'ada', text)
      expect(await take(rooms.follow('tea', 0), 2)).toEqual(['2 ada: two', '3 ada: three'])
    })
  })

  it('is followed by a browser, which goes on where it was', async () => {
    await weaverTest({ weaver, runner, entry, app: App, config: { 'weaver/Main': { streamMs: 300 } } }, async (test) => {
      const url = await test.url('chat')
      const say = (body: string) => fetch(`${url}/rooms/tea?author=ada`, { method: 'POST', body })
      const follow = async (lastId: string): Promise<string> =>
        (await fetch(`${url}/rooms/tea`, { headers: { 'last-event-id': lastId } })).text()
      await say('hello')
      const following = follow('0')
      await say('still there?')
      const events = [
        'id: 1\ndata: {"id":1,"author":"ada","text":"hello"}\n\n',
        'id: 2\ndata: {"id":2,"author":"ada","text":"still there?"}\n\n',
      ]
      expect(await following).toBe(`retry: 100\n\n${events.join('')}`)
      expect(await follow('1')).toBe(`retry: 100\n\n${events[1]}`)
      expect((await say('x'.repeat(10_001))).status).toBe(413)
      expect(await (await fetch(url)).text()).toContain('EventSource')
    })
  })
})

it.each(['local', 'rpc'] as const)('keeps nothing of those who left, with the runner %s', async (runner) => {
  await weaverTest({ weaver, runner }, async (test) => {
    const rooms = test.get(Rooms)
    const { posted } = test.implementation(Rooms) as unknown as { readonly posted: EventEmitter } // what the class has besides its interface
    const controller = new AbortController()
    const readers = Array.from({ length: 20 }, () => withContext({ signal: controller.signal }, () => take(rooms.follow('tea', 0), 2)))
    await rooms.post('tea', 'ada', 'hello')
    while (posted.listenerCount('tea') < 20) await new Promise((resolve) => setTimeout(resolve, 5))
    controller.abort()
    const ended = await Promise.allSettled(readers)
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['rejected']))
    while (posted.listenerCount('tea') > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  })
})

it('has each room in one of several replicas', async () => {
  await weaverTest({ weaver, runner: 'multi', entry, replicas: 2 }, async (test) => {
    const rooms = test.get(Rooms)
    const names = Array.from({ length: 20 }, (_, i) => `room-${i}`)
    for (const name of names) for (const text of ['one', 'two']) await rooms.post(name, 'ada', text)
    for (const name of names) expect(await take(rooms.follow(name, 0), 2)).toEqual(['1 ada: one', '2 ada: two'])
  })
})
