import { murmur3, shardKey, type RoutingKey } from './shard-key.js'

describe('murmur3', () => {
  it('gives the published values', () => {
    const of = (text: string): string => murmur3(Buffer.from(text)).toString(16)
    expect(['', 'test', 'hello', 'hello, world', 'Hello, world!', 'The quick brown fox jumps over the lazy dog'].map(of)).toEqual([
      '0',
      'ba6bd213',
      '248bfa47',
      '149bbb7f',
      'c0363e43',
      '2e4ff723',
    ])
  })
})

describe('shardKey', () => {
  it('is stable: a change here would move every key of a running deployment', () => {
    const keys: readonly RoutingKey[] = ['', 'ann', 'grüße', 7, -0.5, 7n, 2n ** 80n, ['ann', 7], { user: 'ann', shop: 7 }, 'x'.repeat(100)]
    expect(keys.map(shardKey)).toMatchInlineSnapshot(`
     [
       4086676264,
       3414802711,
       4173515104,
       1892825389,
       3184239937,
       3418936962,
       3443417812,
       3665181694,
       2418599441,
       2428075511,
     ]
    `)
  })

  it('is equal for keys that are equal in value', () => {
    const equal: readonly (readonly [RoutingKey, RoutingKey])[] = [
      [0, -0],
      [NaN, -NaN],
      ['é', '\u00e9'],
      [
        { a: 1, b: 'x' },
        { b: 'x', a: 1 },
      ],
      [{ a: 1, b: undefined as never }, { a: 1 }],
      [
        [1, [2, 'x']],
        [1, [2, 'x']],
      ],
    ]
    for (const [a, b] of equal) expect([a, shardKey(a)]).toEqual([a, shardKey(b)])
  })

  it('refuses what does not tell itself apart by its fields', () => {
    class Point {
      readonly x = 1
    }
    for (const [key, name] of [
      [new Date(1), 'Date'],
      [new Map([['a', 1]]), 'Map'],
      [new Point(), 'Point'],
      [[new Date(2)], 'Date'],
    ] as const)
      // prettier-ignore
      expect(() => shardKey(key as unknown as RoutingKey)).toThrow(
        expect.objectContaining({ code: 'WEAVER_ROUTING_KEY', message: expect.stringContaining(`a key that is a ${name};`) as unknown }) as Error,
      )
    expect(shardKey(Object.create(null) as RoutingKey)).toBe(shardKey({}))
  })

  it('tells apart what is not equal', () => {
    const keys: readonly RoutingKey[] = [1, '1', 1n, [1], [[1]], { a: 1 }, ['a', 1], '', [], {}, [''], ['', ''], ['a', 'b'], ['ab', ''], '\ud800', '\udbff', 'x'.repeat(32), 'x'.repeat(33)] // prettier-ignore
    expect(new Set(keys.map(shardKey)).size).toBe(keys.length)
  })

  it('is the same for a text written unit by unit and at once', () => {
    // Both sides of the border between short and long texts are the documented bytes.
    for (const text of ['ü'.repeat(32), 'ü'.repeat(33)]) {
      const bytes = Buffer.alloc(5 + 2 * text.length)
      bytes[0] = 3
      bytes.writeUInt32LE(text.length, 1)
      bytes.write(text, 5, 'utf16le')
      expect(shardKey(text)).toBe(murmur3(bytes))
    }
  })

  it('spreads small numbers and numbered names evenly over the ring', () => {
    for (const keyOf of [(i: number) => i, (i: number) => `user-${i}`, (i: number) => BigInt(i), (i: number) => ({ id: i })]) {
      const counts = new Uint32Array(64)
      for (let i = 0; i < 64_000; i++) {
        const slice = shardKey(keyOf(i)) >>> 26
        counts[slice] = (counts[slice] as number) + 1 // 6 bits are below 64
      }
      expect(Math.min(...counts)).toBeGreaterThan(850)
      expect(Math.max(...counts)).toBeLessThan(1_150)
    }
  })

  it('refuses what is no key', () => {
    const circular: unknown[] = []
    circular.push(circular)
    for (const [key, why] of [
      [undefined, 'a key of type undefined'],
      [null, 'null'],
      [true, 'a key of type boolean'],
      [[1, Symbol('x')], 'a key of type symbol'],
      [circular, 'nested too deeply'],
    ] as const)
      expect(() => shardKey(key as never)).toThrow(expect.objectContaining({ code: 'WEAVER_ROUTING_KEY', message: expect.stringContaining(why) })) // prettier-ignore
  })
})
