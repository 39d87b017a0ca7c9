import { writeCallHead, readCallHead } from './frame.js'
import { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'

const WIDTHS = [
  ['u8', 8],
  ['u16', 16],
  ['u32', 32],
  ['uint', 32],
  ['length', 32],
] as const

describe.each(WIDTHS)('%s holds integers of %d bits', (method, bits) => {
  const max = 2 ** bits - 1
  const edges = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x3fff,
    0x4000,
    0xffff,
    0x1_0000,
    0x1f_ffff,
    0x20_0000,
    0xfff_ffff,
    0x1000_0000,
    2 ** 31 - 1,
    2 ** 31,
    max,
  ]

  it.each(edges.filter((value) => value <= max))('%p arrives', (value) => {
    const w = new Writer(8)
    w[method](value)
    w.u8(7)
    const r = new Reader(w.finish())
    expect(method === 'length' ? r.uint() : r[method]()).toBe(value)
    expect(r.u8()).toBe(7)
    expect(r.left).toBe(0)
  })

  it.each([max + 1, max + 2, 2 ** 32, 2 ** 53, -1, -(2 ** 31), 0.5, 127.5, NaN, Infinity, -Infinity])(
    '%p is refused, and nothing is written',
    (value) => {
      const w = new Writer(8)
      w.u8(1)
      expect(() => w[method](value)).toThrow(`${value} is not an integer from 0 to 2^${bits} - 1`)
      w.u8(2)
      const r = new Reader(w.finish())
      expect([r.u8(), r.u8(), r.left]).toEqual([1, 2, 0])
    },
  )
})

it('-0 is the integer 0', () => {
  const w = new Writer()
  for (const [method] of WIDTHS) w[method](-0)
  const r = new Reader(w.finish())
  expect([r.u8(), r.u16(), r.u32(), r.uint(), r.uint()]).toEqual([0, 0, 0, 0, 0])
})

it('four bytes are written over by what fits them only', () => {
  const w = new Writer()
  const at = w.size
  w.u32(1)
  w.overwriteU32(at, 2 ** 32 - 1)
  expect(() => w.overwriteU32(at, 2 ** 32)).toThrow('2^32 - 1')
  expect(new Reader(w.finish()).u32()).toBe(2 ** 32 - 1)
})

describe('a message is no longer than its head can tell', () => {
  /** As much of such an array as the writer looks at before it copies. */
  const bytesOf = (length: number): Uint8Array => ({ length }) as Uint8Array

  it.each([2 ** 32, 2 ** 32 - 4])('%d bytes are refused before room is made for them', (length) => {
    const w = new Writer()
    expect(() => w.raw(bytesOf(length))).toThrow('4294967295 are the most')
    w.reset()
    w.u8(1)
    expect(new Reader(w.finish()).u8()).toBe(1)
  })

  it('the length of bytes is checked, too', () => {
    const w = new Writer()
    const bytes = Object.defineProperty(new Uint8Array(1), 'length', { value: 2 ** 32 })
    expect(() => w.bytes(bytes)).toThrow('4294967296 is not an integer')
  })

  it('a part is refused for its size as a message is', () => {
    const w = new Writer()
    w.openPart()
    expect(() => w.raw(bytesOf(2 ** 32 - 1))).toThrow('4294967295 are the most')
    w.dropPart()
    w.u8(1)
    expect(new Reader(w.finish()).u8()).toBe(1)
  })
})

describe('lengths of strings in a row', () => {
  const lengths = [0, 127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536]
  const texts = lengths.map((length) => 'x'.repeat(length))

  it.each([2, 3, 4] as const)('of %d', (count) => {
    for (let first = 0; first < texts.length; first++)
      for (let place = 0; place < count; place++) {
        const row = Array.from({ length: count }, (_, i) => (i === place ? (texts[first] as string) : 'ab'))
        const w = new Writer()
        const [a, b, c, d] = row as [string, string, string, string]
        if (count === 2) w.string2(a, b)
        else if (count === 3) w.string3(a, b, c)
        else w.string4(a, b, c, d)
        const r = new Reader(w.finish())
        expect(row.map(() => r.string().length)).toEqual(row.map(({ length }) => length))
      }
  })
})

describe('the head of a call', () => {
  const head = { call: 2 ** 32 - 1, method: 2 ** 16 - 1, timeLeftMs: 2 ** 32 - 1, metadata: {} }
  const trip = (given: Parameters<typeof writeCallHead>[1]): unknown => {
    const w = new Writer()
    writeCallHead(w, given)
    const r = new Reader(w.finish())
    const read = readCallHead(r, r.u32())
    expect(r.left).toBe(0)
    return read
  }

  it('its last call, method and millisecond arrive', () => {
    expect(trip(head)).toEqual(head)
  })

  it.each([{ call: 2 ** 32 }, { method: 2 ** 16 }, { timeLeftMs: 2 ** 32 }, { timeLeftMs: -1 }, { timeLeftMs: NaN }])(
    '%p is refused',
    (beyond) => {
      expect(() => trip({ ...head, ...beyond })).toThrow('is not an integer')
    },
  )

  it('every set of flags arrives with what they stand for', () => {
    for (let flags = 0; flags < 8; flags++) {
      const given = {
        ...head,
        traceparent: (flags & 1) === 0 ? undefined : 'parent',
        tracestate: (flags & 2) === 0 ? undefined : 'state',
        metadata: (flags & 4) === 0 ? {} : Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, `${i}`])),
      }
      expect(trip(given)).toEqual(given)
    }
  })
})
