import { Reader } from './reader.js'
import { Writer } from './writer.js'

function roundTrip<T>(write: (w: Writer) => void, read: (r: Reader) => T): T {
  const w = new Writer(8)
  write(w)
  const r = new Reader(w.finish())
  const value = read(r)
  expect(r.left).toBe(0)
  return value
}

describe('values survive the way there and back', () => {
  const numbers = [
    0,
    -0,
    1,
    -1,
    63,
    64,
    -64,
    127,
    128,
    2 ** 29,
    2 ** 30 - 1,
    2 ** 30,
    -(2 ** 30) + 1,
    -(2 ** 30),
    2 ** 31,
    2 ** 32,
    2 ** 53,
    0.1,
    -1.5,
    Infinity,
    -Infinity,
    NaN,
    5e-324,
  ]
  it.each(numbers)('number %p', (value) => {
    expect(
      Object.is(
        roundTrip(
          (w) => w.number(value),
          (r) => r.number(),
        ),
        value,
      ),
    ).toBe(true)
  })
  it('random numbers', () => {
    let seed = 1
    for (let i = 0; i < 20_000; i++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      const value = i % 2 === 0 ? seed - 2 ** 30 : seed / 7
      expect(
        roundTrip(
          (w) => w.number(value),
          (r) => r.number(),
        ),
      ).toBe(value)
    }
  })
  it.each([0, 1, 127, 128, 300, 2 ** 14, 2 ** 28, 2 ** 32 - 1])('uint %p', (value) => {
    expect(
      roundTrip(
        (w) => w.uint(value),
        (r) => r.uint(),
      ),
    ).toBe(value)
  })
  it.each([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)])('int %p', (value) => {
    expect(
      roundTrip(
        (w) => w.int(value),
        (r) => r.int(),
      ),
    ).toBe(value)
  })
  it.each(['', 'a', 'ü', '日本語', '😀', '\ud800', 'a\udc00b', 'x'.repeat(48), 'x'.repeat(49), 'é'.repeat(5000), 'a'.repeat(47) + 'é'])(
    'string %p',
    (value) => {
      expect(
        roundTrip(
          (w) => w.string(value),
          (r) => r.string(),
        ),
      ).toBe(value)
    },
  )
  it.each([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 200n) + 5n])('bigint %p', (value) => {
    expect(
      roundTrip(
        (w) => w.bigint(value),
        (r) => r.bigint(),
      ),
    ).toBe(value)
  })
  it('dates, also invalid ones, and bytes', () => {
    expect(
      roundTrip(
        (w) => w.date(new Date(1234567890123)),
        (r) => r.date(),
      ).getTime(),
    ).toBe(1234567890123)
    expect(
      roundTrip(
        (w) => w.date(new Date(NaN)),
        (r) => r.date(),
      ).getTime(),
    ).toBeNaN()
    expect([
      ...roundTrip(
        (w) => w.bytes(Buffer.from([1, 2, 255])),
        (r) => r.bytes(),
      ),
    ]).toEqual([1, 2, 255])
  })
})

it('bytes that end too early are refused, whatever is read', () => {
  const w = new Writer()
  w.string('hello')
  w.number(0.5)
  w.bigint(3n)
  const whole = w.finish()
  for (let cut = 0; cut < whole.length; cut++) {
    const r = new Reader(whole.subarray(0, cut))
    expect(() => [r.string(), r.number(), r.bigint()]).toThrow(/cut short/)
  }
})

describe('many strings in one message', () => {
  const shapes: readonly (readonly [what: string, texts: readonly string[]])[] = [
    ['a short one', ['a', '', 'bc', 'x'.repeat(100)]],
    ['a short one that is not ASCII', ['a', 'ü', '', '日本語', '😀😀']],
    ['a long one', Array.from({ length: 300 }, (_, i) => `number ${i}`)],
    ['a long one that is not ASCII', Array.from({ length: 300 }, (_, i) => `Größe ${i} 😀`)],
    ['a short one with half a character', ['a', '\ud800', 'b', '\udc00']],
    ['a long one with half a character', ['x'.repeat(5_000), '\ud800', 'b'.repeat(5_000)]],
    ['two halves that meet', ['\ud83d', '\ude00', 'x'.repeat(3_000)]],
  ]
  it.each(shapes)('%s', (_, texts) => {
    const read = roundTrip(
      (w) => {
        for (const text of texts) {
          w.string(text)
          w.number(text.length)
        }
      },
      (r) => texts.map(() => [r.string(), r.number()]),
    )
    expect(read).toEqual(texts.map((text) => [text, text.length]))
  })
})

it('messages of one writer share no byte, at whatever size they outgrow its memory', () => {
  for (const size of [1, 5, 100, 5_000, 16_380, 16_384, 40_000]) {
    const w = new Writer(64)
    const made = Array.from({ length: 40 }, (_, i) => {
      w.bytes(new Uint8Array(size).fill(i))
      w.string(`text ${i}`)
      if (i % 7 === 3) {
        w.reset()
        w.bytes(new Uint8Array(size).fill(i))
        w.string(`text ${i}`)
      }
      return w.finish()
    })
    for (const [i, bytes] of made.entries()) {
      const r = new Reader(bytes)
      expect(r.bytes()).toEqual(new Uint8Array(size).fill(i))
      expect([r.string(), r.left]).toEqual([`text ${i}`, 0])
    }
  }
})

it('a value of another type is refused where it is written', () => {
  // The casts stand for what untyped code can hand in.
  expect(() => new Writer().string(5 as unknown as string)).toThrow('expected a string, got number')
  expect(() => new Writer().bytes('x' as unknown as Uint8Array)).toThrow('expected a Uint8Array')
  expect(() => new Writer().date('x' as unknown as Date)).toThrow('expected a Date')
})

it('a finished writer starts again and does not change what it gave out', () => {
  const w = new Writer()
  w.string('first')
  const first = w.finish()
  w.string('other')
  w.finish()
  expect(new Reader(first).string()).toBe('first')
})

describe('a message inside of another', () => {
  const text = 'ä'.repeat(5)

  it('has strings of its own, and is read where it lies', () => {
    const w = new Writer(8)
    for (let message = 0; message < 3; message++) {
      w.u8(message)
      for (let part = 0; part < 50; part++) {
        w.openPart()
        w.string(text.repeat(part))
        w.number(part)
        expect(w.closePart()).toBeGreaterThan(part)
      }
      const r = new Reader(w.finish())
      expect(r.u8()).toBe(message)
      for (let part = 0; part < 50; part++) {
        const inner = r.part()
        expect([inner.string(), inner.number(), inner.left]).toEqual([text.repeat(part), part, 0])
        expect(() => inner.u8()).toThrow(/cut short/)
      }
      expect(r.left).toBe(0)
    }
  })

  it('is dropped, taken out and put into another as if it had never been there', () => {
    const w = new Writer(8)
    w.u8(1)
    w.openPart()
    w.string('dropped')
    w.dropPart()
    w.openPart()
    w.string('kept')
    w.closePart()
    w.openPart()
    const at = w.size
    w.u32(7)
    w.overwriteU32(at, 8)
    w.string('taken')
    const taken = w.takePart(w.closePart())
    const r = new Reader(w.finish())
    expect([r.u8(), r.part().string(), r.left]).toEqual([1, 'kept', 0])
    const alone = new Reader(taken)
    expect([alone.u32(), alone.string(), alone.left, alone.size]).toEqual([8, 'taken', 0, taken.length])
    w.part(taken)
    const again = new Reader(w.finish()).part()
    expect([again.u32(), again.string()]).toEqual([8, 'taken'])
  })

  it('that is cut short, or longer than what is around it, is an error', () => {
    const w = new Writer(8)
    w.u32(1_000)
    expect(() => new Reader(w.finish()).part()).toThrow(/1000 more are wanted/)
    w.openPart()
    w.u8(1)
    w.closePart()
    const bytes = w.finish()
    bytes[8] = 200 // the inner length
    expect(() => new Reader(bytes).part().u8()).toThrow(/cut short/)
  })
})
