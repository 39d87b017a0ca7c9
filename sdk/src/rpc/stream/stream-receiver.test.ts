import { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'
import { failureOf } from '../../testing/rpc-stations.js'
import { writeItems } from '../wire/stream-frame.js'
import { StreamReceiver } from './stream-receiver.js'
import { STREAM_WINDOW } from './stream-window.js'

function written(write: (w: Writer) => void): Reader {
  const w = new Writer()
  write(w)
  return new Reader(w.finish())
}

/** A receiver of strings, and what it tells its producer. */
function receiver() {
  const said: unknown[] = []
  const stream = new StreamReceiver({
    decode: (r) => r.string(),
    onCredit: (credits) => void said.push(credits),
    onCancel: () => void said.push('cancel'),
  })
  const item = (text: string): Uint8Array => {
    const w = new Writer()
    w.string(text)
    return w.finish()
  }
  return {
    stream,
    said,
    item,
    arrive: (first: number, ...texts: readonly string[]) => stream.onItems(written((w) => writeItems(w, first, texts.map(item)))),
    part: (bytes: Uint8Array) => stream.onPart(written((w) => w.bytes(bytes))),
  }
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a receiver', () => {
  it('hands out what has arrived before the end, and before an error', async () => {
    const ended = receiver()
    ended.arrive(0, 'a', 'b')
    ended.arrive(2, 'c')
    ended.stream.end()
    expect(await all(ended.stream.items())).toEqual(['a', 'b', 'c'])
    expect(ended.said).toEqual([])

    const failed = receiver()
    failed.arrive(0, 'a')
    failed.stream.fail(new RangeError('no'))
    const items = failed.stream.items()
    expect(await items.next()).toEqual({ done: false, value: 'a' })
    expect(await failureOf(items.next())).toBeInstanceOf(RangeError)
  })

  it('drops what has arrived when its own side gives up', async () => {
    const { stream, arrive, said } = receiver()
    arrive(0, 'a')
    stream.abandon(new RangeError('enough'))
    expect(await failureOf(stream.items().next())).toBeInstanceOf(RangeError)
    expect(said).toEqual([])
  })

  it('gives credit back for what was taken, in portions, and says once that it wants no more', async () => {
    const { stream, arrive, said } = receiver()
    const items = stream.items()
    for (let i = 0; i < STREAM_WINDOW; i++) arrive(i, 'x')
    for (let i = 0; i < STREAM_WINDOW / 4 - 1; i++) await items.next()
    expect(said).toEqual([])
    await items.next()
    expect(said).toEqual([STREAM_WINDOW / 4])
    await items.return()
    stream.cancel()
    arrive(STREAM_WINDOW, 'late')
    expect(said).toEqual([STREAM_WINDOW / 4, 'cancel'])
  })

  it('puts pieces together', async () => {
    const { stream, arrive, part, item } = receiver()
    const whole = item('x'.repeat(5_000))
    arrive(0, 'before')
    part(whole.subarray(0, 2_000))
    part(whole.subarray(2_000, 4_000))
    stream.onItems(written((w) => writeItems(w, 1, [whole.subarray(4_000)])))
    arrive(2, 'behind')
    stream.end()
    expect(await all(stream.items())).toEqual(['before', 'x'.repeat(5_000), 'behind'])
  })

  it('refuses a gap, what is cut short, what is beyond its credit, and pieces that make too much', () => {
    const { arrive } = receiver()
    arrive(0, 'a')
    expect(() => arrive(2, 'c')).toThrow('item 2 arrived where 1 was due')
    expect(() => receiver().stream.onItems(written((w) => { w.uint(0); w.uint(1); w.u32(9) }))).toThrow('an item was cut short') // prettier-ignore
    expect(() => receiver().stream.onItems(written((w) => { w.uint(0); w.uint(1); w.u32(0xffff_ffff); w.u8(1) }))).toThrow('an item was cut short') // prettier-ignore
    expect(() => receiver().arrive(0, ...Array.from({ length: STREAM_WINDOW + 1 }, () => 'x'))).toThrow('more than it had credit for')
    const { part } = receiver()
    expect(() => {
      for (let i = 0; i < 17; i++) part(Buffer.alloc(2 ** 20))
    }).toThrow('more than it had credit for')
    const full = receiver()
    full.arrive(0, ...Array.from({ length: STREAM_WINDOW }, () => 'x'))
    expect(() => full.part(Buffer.alloc(1))).toThrow('more than it had credit for')
  })
})
