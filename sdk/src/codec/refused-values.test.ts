import { runInNewContext } from 'node:vm'
import { codec } from './class-codec.js'
import { whyArgumentsRefused, whyRefused } from './find-refused.js'
import { showValue } from './show-value.js'
import { literalIndex, memberError, tagError, typedArrayBytes, unionError } from './union.js'
import { Writer } from './writer.js'

class Money {
  readonly #cents = 5
  get cents(): number {
    return this.#cents
  }
}
const moneyCodec = codec<Money, number>(Money, { toPlain: ({ cents }) => cents, fromPlain: () => new Money() })

const of = <T>(value: unknown): T => value as T // what a cast in an application makes possible

describe('a message names the value as a person would', () => {
  const values: readonly (readonly [shown: string, value: unknown])[] = [
    ['undefined', undefined],
    ['null', null],
    ['"a"', 'a'],
    ['"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"', 'a'.repeat(500)],
    ['5', 5],
    ['NaN', NaN],
    ['5n', 5n],
    ['true', true],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an array of 3', [1, 2, 3]],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a Uint8Array', new Uint8Array(1)],
    ['an Int8Array', new Int8Array(1)],
    ['a Promise', Promise.resolve()],
    ['an Error', new Error('x')],
    ['a RegExp', /x/],
    ['an instance of Money', new Money()],
    ['an object without properties', {}],
    ['an object without properties', Object.create(null)],
    ['an object with a, b', { a: 1, b: 2 }],
    ['an object with a, b, c, d, e, f, g, h and 2 more', Object.fromEntries([...'abcdefghij'].map((key) => [key, 1]))],
  ]
  it.each(values)('%s', (shown, value) => {
    expect(showValue(value)).toBe(shown)
  })
})

describe('messages of the codecs', () => {
  const w = new Writer()
  const cases: readonly (readonly [message: string, write: () => unknown])[] = [
    ['expected a string, got a Date', () => w.string(of(new Date()))],
    ['expected a string, got undefined', () => w.string2('a', of(undefined))],
    ['expected a number, got a bigint', () => w.number(of(1n))],
    ['expected a boolean, got null', () => w.bool(of(null))],
    ['expected a bigint, got a number', () => w.bigint(of(1))],
    ['expected a Date, got a string', () => w.date(of('2020-01-01'))],
    ['expected a Uint8Array, got an array of 2', () => w.bytes(of([1, 2]))],
    ['expected an instance of Money, got an object with cents', () => moneyCodec.toPlain(of({ cents: 5 }))],
    ['"c" is not "a" or "b"', () => literalIndex(['a', 'b'], of('c'))],
    ['2 is not 1', () => literalIndex([1], of(2))],
    ['a Date is not 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 or one of 8 more', () => literalIndex(Array.from({ length: 20 }, (_, i) => i), of(new Date()))], // prettier-ignore
    ['an array of 1 is not a Float64Array', () => typedArrayBytes(of([1]), 'Float64Array')],
  ]
  it.each(cases)('%s', (message, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'WEAVER_CODEC_INVALID', message }))
    w.reset()
  })

  it('of unions', () => {
    expect(unionError('JsonValue', new Date(0)).message).toBe('a Date is not of type JsonValue')
    expect(tagError('Event', 'kind', { kind: 'x', at: 1 }).message).toBe('an object whose kind is "x" is not of type Event')
    expect(tagError('Event', 'kind', new Map()).message).toBe('a Map is not of type Event')
    expect(memberError('Event', 9).message).toBe('type Event has no member number 9; another build wrote these bytes')
  })
})

describe('the way to a value that was refused', () => {
  interface Line {
    readonly name: string
    readonly note?: string
    readonly price: number
    readonly tags: ReadonlyMap<string, boolean>
  }
  /** As generated code does it. */
  const writeLine = (w: Writer, v: Line): void => {
    w.string(v.name)
    if (v.note !== undefined) {
      w.u8(1)
      w.string(v.note)
    } else w.u8('note' in v ? 2 : 0)
    w.number(v.price)
    w.map(v.tags)
    for (const [key, item] of v.tags) {
      w.string(key)
      w.bool(item)
    }
  }
  const writeLines = (w: Writer, v: { readonly lines: readonly Line[]; readonly 'state-of': unknown }): void => {
    w.list(v.lines)
    for (const item of v.lines) writeLine(w, item)
    w.uint(literalIndex(['open', 'paid'], v['state-of']))
  }
  const line: Line = { name: 'a', price: 1, tags: new Map([['x', true]]) }
  /** As callers of it have it: with what the first attempt threw. */
  const whyOf = (write: (w: Writer, value: unknown) => void, value: unknown): string => {
    try {
      write(new Writer(), value)
    } catch (cause) {
      return whyRefused(write, value, cause)
    }
    throw new Error('nothing was refused')
  }
  const why = (lines: unknown, state: unknown = 'open'): string =>
    whyOf((w, value) => writeLines(w, of(value)), { lines, 'state-of': state })

  it.each<[string, unknown]>([
    ['at lines[1].price: expected a number, got a string', [line, { ...line, price: 'x' }]],
    ['at lines[0].name: expected a string, got undefined', [{ price: 1, tags: line.tags }]],
    ['at lines[0].name: expected a string, got undefined', [{ ...line, name: undefined, note: undefined }]],
    ['at lines[0].price: expected a number, got undefined', [{ name: 'a', note: undefined, tags: line.tags }]],
    ['at lines[0].note: expected a string, got a number', [{ ...line, note: 5 }]],
    [
      'at lines[0].tags.get("y"): expected a boolean, got a number',
      [{ ...line, tags: new Map<string, unknown>([...line.tags, ['y', 1]]) }],
    ],
    ['at lines[0].tags.keys(): expected a string, got a number', [{ ...line, tags: new Map([[1, true]]) }]],
    ['at lines[0].name: expected a string, got a number', [Object.freeze({ ...line, name: 1 })]],
    // what is no list, no map, no object
    ['at lines: expected an array, got a string', 'ab'],
    ['at lines: expected an array, got undefined', undefined],
    ['at lines: expected an array, got a Set', new Set([line])],
    ['at lines[1].tags: expected a Map, got an array of 1', [line, { ...line, tags: [['x', true]] }]],
    ['at lines[0].tags: expected a Map, got a Set', [{ ...line, tags: new Set(['x']) }]],
    ['at lines[0].tags: expected a Map, got undefined', [{ name: 'a', price: 1 }]],
    ['at lines[1]: expected an object, got undefined', [line, undefined]],
    ['at lines[0]: expected an object, got null', [null]],
  ])('%s', (expected, lines) => {
    expect(why(lines)).toBe(expected)
  })

  it('is that of a name with other signs, too', () => {
    expect(why([line], 'closed')).toBe('at ["state-of"]: "closed" is not "open" or "paid"')
  })

  it('of an argument begins with its place', () => {
    const encode = (w: Writer, args: readonly unknown[]): void => {
      w.string(of(args[0]))
      writeLines(w, of(args[1]))
    }
    const whyArguments = (args: readonly unknown[]): string => {
      try {
        encode(new Writer(), args)
      } catch (cause) {
        return whyArgumentsRefused(encode, args, cause)
      }
      throw new Error('nothing was refused')
    }
    expect(whyArguments([7, { lines: [line], 'state-of': 'open' }])).toBe('argument 1: expected a string, got a number')
    expect(whyArguments(['x', { lines: [{ ...line, price: null }], 'state-of': 'open' }])).toBe(
      'argument 2 at lines[0].price: expected a number, got null',
    )
    expect(whyArguments(['x'])).toBe('argument 2: expected an object, got undefined')
  })

  it('is not there where the value itself was refused, or nothing is now', () => {
    expect(whyOf((w, value) => w.string(of(value)), 5)).toBe('expected a string, got a number')
    expect(whyOf((w, value) => writeLine(w, of(value)), undefined)).toBe('expected an object, got undefined')
    expect(whyRefused((w, value) => w.string(of(value)), 'fine', new Error('it was not'))).toBe('it was not')
    expect(whyOf(() => JSON.parse('{'), 'fine')).toMatch(/JSON/)
  })

  it.each<[string, (w: Writer, value: unknown) => void, unknown]>([
    ['expected an array of 2, got an array of 3', (w, value) => w.tuple(of(value), 2), [1, 2, 3]],
    ['expected an array of 2, got a string', (w, value) => w.tuple(of(value), 2), 'ab'],
    ['expected a Set, got an array of 1', (w, value) => w.set(of(value)), [1]],
    ['expected an object, got a Map', (w, value) => void w.keys(of(value)), new Map()],
    ['expected an object, got an array of 1', (w, value) => void w.keys(of(value)), ['a']],
    ['expected an object, got a string', (w, value) => void w.keys(of(value)), 'ab'],
  ])('%s', (expected, write, value) => {
    expect(whyOf(write, value)).toBe(expected)
  })

  it('knows lists, maps and objects of another realm', () => {
    const w = new Writer()
    w.list(of(runInNewContext('[1]')))
    w.set(of(runInNewContext('new Set([1])')))
    w.map(of(runInNewContext('new Map([[1, 2]])')))
    expect(w.keys(of(runInNewContext('({ a: 1 })')))).toEqual(['a'])
    expect(w.keys(of(Object.create(null)))).toEqual([])
  })
})
