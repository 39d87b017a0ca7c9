import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { isWeaverError } from '../../sdk/src/contract/errors.js'
import { Reader, Writer, type MethodBinding, type WeaverGen } from '../../sdk/src/internal.js'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

/** A type as source text, and values of it. */
interface Sample {
  readonly type: string
  readonly values: fc.Arbitrary<unknown>
}

const TYPES = 60
/** Any UTF-16 unit, so halves of characters too. */
const text = fc.oneof(fc.string(), fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }))
const key = fc.oneof(text, fc.constant('__proto__'))

const LEAVES: readonly Sample[] = [
  { type: 'string', values: text },
  { type: 'number', values: fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 2 ** 30, -(2 ** 30), 2 ** 53)) },
  { type: 'boolean', values: fc.boolean() },
  { type: 'bigint', values: fc.oneof(fc.bigInt(), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n })) },
  { type: 'Date', values: fc.date({ noInvalidDate: false }) },
  { type: 'Uint8Array', values: fc.uint8Array({ maxLength: 80 }) },
  { type: 'Float64Array', values: fc.float64Array({ maxLength: 5 }) },
  { type: 'null', values: fc.constant(null) },
  { type: 'undefined', values: fc.constant(undefined) },
  { type: `'open' | 'paid' | 7 | true`, values: fc.constantFrom('open', 'paid', 7, true) },
]

const { sample } = fc.letrec<{ sample: Sample }>((tie) => {
  const inner = tie('sample')
  const list = (parts: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(parts, { maxLength: 4 })
  return {
    sample: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom(...LEAVES),
      inner.map(({ type, values }) => ({ type: `readonly (${type})[]`, values: list(values) })),
      inner.map(({ type, values }) => ({ type: `ReadonlySet<${type}>`, values: list(values).map((items) => new Set(items)) })),
      inner.map(({ type, values }) => ({
        type: `Record<string, ${type}>`,
        values: fc.dictionary(key, values, { maxKeys: 4, noNullPrototype: true }),
      })),
      inner.map(({ type, values }) => ({ type: `${type} | null | undefined`, values: fc.option(fc.option(values), { nil: undefined }) })),
      fc.tuple(fc.constantFrom('string', 'number', 'null'), inner).map(([keyType, { type, values }]) => ({
        type: `ReadonlyMap<${keyType}, ${type}>`,
        values: list(fc.tuple(LEAVES.find((leaf) => leaf.type === keyType)?.values ?? fc.constant(null), values)).map(
          (entries) => new Map(entries as [unknown, unknown][]),
        ),
      })),
      fc.tuple(inner, inner).map(([a, b]) => ({ type: `readonly [${a.type}, ${b.type}]`, values: fc.tuple(a.values, b.values) })),
      fc.tuple(inner, inner).map(([a, b]) => ({
        type: `readonly [${a.type}, ...(${b.type})[]]`,
        values: fc.tuple(a.values, list(b.values)).map(([first, rest]) => [first, ...rest]),
      })),
      fc.tuple(inner, inner).map(([a, b]) => ({
        type: `{ kind: 'a'; value: ${a.type} } | { kind: 'b'; value: ${b.type} } | { kind: 'c' }`,
        values: fc.oneof(
          fc.record({ kind: fc.constant('a'), value: a.values }, { noNullPrototype: true }),
          fc.record({ kind: fc.constant('b'), value: b.values }, { noNullPrototype: true }),
          fc.record({ kind: fc.constant('c') }, { noNullPrototype: true }),
        ),
      })),
      fc.array(fc.record({ part: inner, isOptional: fc.boolean() }), { minLength: 1, maxLength: 6 }).map((properties) => ({
        type: `{ ${properties.map(({ part, isOptional }, i) => `p${i}${isOptional ? '?' : ''}: ${part.type}`).join('; ')} }`,
        values: fc.record(Object.fromEntries(properties.map(({ part }, i) => [`p${i}`, part.values])), {
          requiredKeys: properties.flatMap(({ isOptional }, i) => (isOptional ? [] : [`p${i}`])),
          noNullPrototype: true,
        }),
      })),
    ),
  }
})

describe('types that nobody thought of', () => {
  const fixture = fixtures()
  const samples = fc.sample(sample, { numRuns: TYPES, seed: 20 })
  let methods: readonly MethodBinding[]

  beforeAll(async () => {
    const made = fixture({
      'echo.ts': `${IMPORTS}
export interface Echo {
${samples.map(({ type }, i) => `  m${i}(value: ${type}): Promise<${type}>`).join('\n')}
}
export const Echo = component<Echo>('test/Echo')
class EchoImpl implements Echo {
${samples.map(({ type }, i) => `  async m${i}(value: ${type}): Promise<${type}> {\n    return value\n  }`).join('\n')}
}
export const echoImpl = implement(Echo, EchoImpl)
`,
    })
    const { diagnostics } = await generate({ projectDir: made.folder })
    expect(diagnostics.map(formatDiagnostic)).toEqual([])
    expect(made.typeErrors()).toEqual([])
    expect(made.generated()).toBe(await made.formatted())
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }
    methods = weaver.components()[0]?.methods ?? []
    expect(methods).toHaveLength(TYPES)
  })

  const methodOf = (index: number): MethodBinding => methods.find(({ name }) => name === `m${index}`) as MethodBinding // the file has all of them
  const encode = (index: number, value: unknown): Uint8Array => {
    const w = new Writer()
    methodOf(index).encodeArgs(w, [value])
    return w.finish()
  }

  it('values arrive as they were sent', () => {
    for (const [index, { values }] of samples.entries())
      fc.assert(
        fc.property(values, (value) => {
          const r = new Reader(encode(index, value))
          expect(methodOf(index).decodeArgs(r)).toStrictEqual([value])
          expect(r.left).toBe(0)
        }),
        { numRuns: 40, seed: index },
      )
  })

  it('damaged bytes are another value or an error of the codec', () => {
    let refused = 0
    for (const [index, { values }] of samples.entries())
      fc.assert(
        fc.property(
          values,
          fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
          fc.option(fc.nat()),
          (value, flips, cut) => {
            const bytes = encode(index, value).slice()
            for (const [at, bits] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits // in bounds
            try {
              methodOf(index).decodeArgs(new Reader(cut === null ? bytes : bytes.subarray(0, cut % bytes.length)))
            } catch (error) {
              expect(isWeaverError(error) && error.code).toBe('WEAVER_CODEC_INVALID')
              refused++
            }
          },
        ),
        { numRuns: 150, seed: index },
      )
    expect(refused).toBeGreaterThan(1_000)
  })
})
