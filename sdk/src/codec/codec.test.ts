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

it('keys are themselves, whichever came before', () => {
  // The second and the third are alike in their ends and length.
  const keys = ['', 'colour', 'cilour', 'colour', 'ü', '\ud800', 'x'.repeat(13), '__proto__', 'colour', 'a', 'b']
  for (let times = 0; times < 3; times++)
    expect(
      roundTrip(
        (w) => {
          for (const key of keys) w.string(key)
        },
        (r) => keys.map(() => r.key()),
      ),
    ).toEqual(keys)
})

it('strings in a row are what they are one by one', () => {
  for (const texts of [
    ['a', 'b', 'c', 'd'],
    ['', 'x'.repeat(127), 'ü', '😀'],
    ['', 'x'.repeat(128), '\ud800', 'y'.repeat(20_000)],
  ] as const) {
    const [a, b, c, d] = texts
    const read = roundTrip(
      (w) => {
        w.string2(a, b)
        w.string3(a, b, c)
        w.string4(a, b, c, d)
      },
      (r) => Array.from({ length: 9 }, () => r.string()),
    )
    expect(read).toEqual([a, b, a, b, c, a, b, c, d])
  }
})

describe('a message within a message', () => {
  it('is read by itself, however much the writer has to grow', () => {
    const w = new Writer(16)
    w.u8(7)
    const countAt = w.size
    w.u32(0)
    for (const text of ['a', 'ü', 'x'.repeat(5_000)]) {
      w.openPart()
      w.string(text)
      w.number(text.length)
      w.closePart()
    }
    w.overwriteU32(countAt, 3)
    const r = new Reader(w.finish())
    expect(r.u8()).toBe(7)
    const parts = Array.from({ length: r.u32() }, () => r.part())
    expect(parts.map((part) => [part.string(), part.number(), part.left])).toEqual([
      ['a', 1, 0],
      ['ü', 1, 0],
      ['x'.repeat(5_000), 5_000, 0],
    ])
    expect(r.left).toBe(0)
  })

  it('can be dropped, taken out and put in', () => {
    const w = new Writer()
    w.openPart()
    w.string('dropped')
    w.dropPart()
    w.openPart()
    w.string('taken')
    const taken = w.takePart(w.closePart())
    expect(w.size).toBe(4)
    w.part(taken)
    w.openPart()
    w.string('last')
    w.closePart()
    const r = new Reader(w.finish())
    expect([r.part().string(), r.part().string(), r.left]).toEqual(['taken', 'last', 0])
    expect(new Reader(taken).string()).toBe('taken')
  })

  it('that is damaged ends at its own end', () => {
    const w = new Writer()
    w.openPart()
    w.u8(1)
    w.closePart()
    w.openPart()
    w.u8(2)
    w.closePart()
    const r = new Reader(w.finish())
    const first = r.part()
    expect(first.u8()).toBe(1)
    expect(() => first.u8()).toThrow('cut short')
    expect(r.part().u8()).toBe(2)
  })
})

it('no bytes make a reader do more than they are long', () => {
  let seed = 7
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31)
  const reads: ((r: Reader) => unknown)[] = [
    (r) => r.u8(),
    (r) => r.u16(),
    (r) => r.u32(),
    (r) => r.uint(),
    (r) => r.number(),
    (r) => r.bool(),
    (r) => r.string(),
    (r) => r.bigint(),
    (r) => r.date(),
    (r) => r.bytes().length,
    (r) => r.length(),
    (r) => r.part().size,
    (r) => r.view(r.uint()).length,
  ]
  let refused = 0
  for (let run = 0; run < 5_000; run++) {
    const bytes = Uint8Array.from({ length: random() % 64 }, () => random() >> 8)
    // A head that fits, else nearly all are refused by it.
    if (bytes.length > 4) bytes.set([random() % (bytes.length + 1), 0, 0, 0])
    const r = new Reader(bytes)
    try {
      for (let i = 0; i < 100; i++) reads[random() % reads.length]?.(r)
      throw new Error('a hundred reads of 64 bytes')
    } catch (error) {
      expect(error).toMatchObject({ code: 'WEAVER_CODEC_INVALID' })
      refused++
    }
  }
  expect(refused).toBe(5_000)
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
  expect(() => new Writer().string(5 as unknown as string)).toThrow('expected a string, got a number')
  expect(() => new Writer().bytes('x' as unknown as Uint8Array)).toThrow('expected a Uint8Array')
  expect(() => new Writer().date('x' as unknown as Date)).toThrow('expected a Date')
  expect(() => new Writer().number('5' as unknown as number)).toThrow('expected a number, got a string')
  expect(() => new Writer().bool(1 as unknown as boolean)).toThrow('expected a boolean, got a number')
  expect(() => new Writer().string3('a', 'b', null as unknown as string)).toThrow('expected a string, got null')
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
