import { setTimeout as sleep } from 'node:timers/promises'
import { HEAD_BYTES } from '../../codec/layout.js'
import { Writer } from '../../codec/writer.js'
import { StreamSender } from './stream-sender.js'
import { STREAM_WINDOW } from './stream-window.js'

/** A sender of texts, and all that it says. */
function sender(how: number | ((w: Writer, item: unknown) => void) = 2 ** 20) {
  const said: unknown[] = []
  const writer = new Writer()
  const stream = new StreamSender({
    what: 'news/Feed.texts',
    encode(write) {
      write(writer)
      return writer.finish().subarray(HEAD_BYTES)
    },
    encodeItem(w, item) {
      if (typeof how === 'function') return how(w, item)
      if (typeof item !== 'string') throw new TypeError('expected a string')
      w.raw(Buffer.from(item))
    },
    maxPayloadBytes: typeof how === 'number' ? how : 2 ** 20,
    onItems: (first, items) => void said.push([first, items.map((item) => Buffer.from(item).toString())]),
    onPart: (bytes) => void said.push(`part of ${bytes.length}`),
    onEnd: () => void said.push('end'),
    onError: (error) => void said.push((error as Error).message), // each test throws one
    onTooLarge: (bytes) => void said.push(`${bytes} bytes`),
    onUnheard: (error) => void said.push(`unheard: ${(error as Error).message}`),
  })
  return { stream, said }
}

describe('a sender', () => {
  it('puts what is made in one turn of the event loop into one message, and does not hold back what waits', async () => {
    const { stream, said } = sender()
    await stream.run(async function* () {
      yield 'a'
      yield 'b'
      while (said.length === 0) await sleep(1)
      yield 'c'
    })
    expect(said).toEqual([[0, ['a', 'b']], [2, ['c']], 'end'])
  })

  it('keeps each message below the limit of the broker, an item above it in pieces', async () => {
    const { stream, said } = sender(100)
    await stream.run(async function* () {
      yield 'x'.repeat(50)
      yield 'y'.repeat(50)
      yield 'z'.repeat(150)
      yield 'a'
    })
    expect(said).toEqual([
      [0, ['x'.repeat(50)]],
      [1, ['y'.repeat(50)]],
      'part of 68',
      'part of 68',
      [2, ['z'.repeat(14)]],
      [3, ['a']],
      'end',
    ])
  })

  it('ends at an item that is too large even for that', async () => {
    const { stream, said } = sender()
    await stream.run(async function* () {
      yield 'a'
      yield 'x'.repeat(16 * 2 ** 20 + 1)
      yield 'not asked for'
    })
    expect(said).toEqual([[0, ['a']], '16777217 bytes'])
  })

  it('ends at an item that cannot be encoded, after those before it, when the producer is through', async () => {
    const { stream, said } = sender()
    await stream.run(async function* () {
      try {
        yield 'a'
        yield 7
      } finally {
        said.push('finally')
      }
    })
    expect(said).toEqual([[0, ['a']], 'finally', 'news/Feed.texts: an item cannot be sent: expected a string'])
  })

  it('says where in an item that lies', async () => {
    const { stream, said } = sender((w, item) => w.string((item as { readonly name: string }).name))
    await stream.run(async function* () {
      yield { name: 7 }
    })
    expect(said).toEqual(['news/Feed.texts: an item cannot be sent: at name: expected a string, got a number'])
  })

  it('asks for nothing while it has no credit', async () => {
    const { stream, said } = sender()
    let made = 0
    const done = stream.run(async function* () {
      for (; made < STREAM_WINDOW + 10; made++) yield 'a'
    })
    await sleep(10)
    expect(made).toBe(STREAM_WINDOW - 1) // the generator stands at the yield of the last one that was asked for
    stream.grant(4)
    await sleep(10)
    expect(made).toBe(STREAM_WINDOW + 3)
    stream.grant(100)
    await done
    expect(said.at(-1)).toBe('end')
  })
})

describe('a sender whose consumer has gone', () => {
  it('calls return() at once, also of an iterator that waits, and says no more', async () => {
    const { stream, said } = sender()
    let release: ((result: IteratorResult<string>) => void) | undefined
    let returns = 0
    const done = stream.run(() => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<string>>((resolve) => (release = resolve)),
        return: async () => {
          returns++
          release?.({ done: true, value: undefined })
          return { done: true, value: undefined }
        },
      }),
    }))
    await sleep(1)
    stream.cancel()
    stream.cancel()
    await done
    expect([returns, said]).toEqual([1, []])
  })

  it('waits for the end of a generator, and tells what nobody else hears', async () => {
    const { stream, said } = sender()
    let isThrough = false
    const done = stream.run(async function* () {
      try {
        for (;;) yield 'a'
      } finally {
        await sleep(20)
        isThrough = true
        await Promise.reject(new Error('too late'))
      }
    })
    await sleep(10)
    said.length = 0
    stream.cancel()
    await done
    expect([isThrough, said]).toEqual([true, ['unheard: too late']])
  })

  it('before it began runs nothing', async () => {
    const { stream, said } = sender()
    stream.cancel()
    await stream.run(() => {
      throw new Error('it ran')
    })
    expect(said).toEqual([])
  })
})
