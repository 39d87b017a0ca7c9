import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { isWeaverError } from '@weaver/sdk/contract'
import { Reader, Writer, type ComponentBinding, type MethodBinding, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

/** A type as source text, values of it, and the type after one change somewhere in it. */
interface Sample {
  readonly type: string
  readonly values: fc.Arbitrary<unknown>
  readonly changed: readonly string[]
}

const TYPES = 60
/** Any UTF-16 unit, so halves of characters too. */
const text = fc.oneof(fc.string(), fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }))
const key = fc.oneof(text, fc.constant('__proto__'))

/**
 * No change gives a type that a sample has, as `T | null` says no more than `T` where that is null.
 */
const LEAVES: readonly Sample[] = [
  { type: 'string', values: text, changed: ['Int8Array'] },
  {
    type: 'number',
    values: fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 2 ** 30, -(2 ** 30), 2 ** 53)),
    changed: ['Int16Array', '7'],
  },
  { type: 'boolean', values: fc.boolean(), changed: ['false', 'Int8Array'] },
  { type: 'bigint', values: fc.oneof(fc.bigInt(), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n })), changed: ['Int8Array'] },
  { type: 'Date', values: fc.date({ noInvalidDate: false }), changed: ['Int8Array'] },
  { type: 'Uint8Array', values: fc.uint8Array({ maxLength: 80 }), changed: ['Int8Array'] },
  { type: 'Float64Array', values: fc.float64Array({ maxLength: 5 }), changed: ['Float32Array'] },
  { type: 'null', values: fc.constant(null), changed: ['Int8Array', 'null | Int16Array'] },
  { type: 'undefined', values: fc.constant(undefined), changed: ['Int8Array', 'undefined | Int16Array'] },
  {
    type: `'open' | 'paid' | 7 | true`,
    values: fc.constantFrom('open', 'paid', 7, true),
    changed: [`'open' | 7 | true`, `'open' | 'paid' | 'sent' | 7 | true`, `'open' | 'paid' | 8 | true`],
  },
]

/** A type with one part, and with each change of that part. */
const around = (part: Sample, write: (type: string) => string): Pick<Sample, 'type' | 'changed'> => ({
  type: write(part.type),
  changed: part.changed.map(write),
})
/** The same for two parts. */
const aroundBoth = (a: Sample, b: Sample, write: (a: string, b: string) => string): Pick<Sample, 'type' | 'changed'> => ({
  type: write(a.type, b.type),
  changed: [...a.changed.map((type) => write(type, b.type)), ...b.changed.map((type) => write(a.type, type))],
})
const tagged = (a: string, b: string, more = `{ kind: 'c' }`): string => `{ kind: 'a'; value: ${a} } | { kind: 'b'; value: ${b} } | ${more}`

interface Field {
  readonly name: string
  readonly part: Sample
  readonly isOptional: boolean
}
const objectType = (fields: readonly { readonly name: string; readonly type: string; readonly isOptional: boolean }[]): string =>
  `{ ${fields.map(({ name, type, isOptional }) => `${name}${isOptional ? '?' : ''}: ${type}`).join('; ')} }`
/** Adds, removes, renames, and makes optional or required; and what changes in a field. */
function objectOf(fields: readonly Field[]): Pick<Sample, 'type' | 'changed'> {
  const written = fields.map(({ part, ...field }) => ({ ...field, type: part.type }))
  const each = (change: (field: (typeof written)[number]) => (typeof written)[number][]): string[] =>
    fields.map((_, i) => objectType(written.flatMap((field, at) => (at === i ? change(field) : [field]))))
  return {
    type: objectType(written),
    changed: [
      objectType([...written, { name: 'added', type: 'string', isOptional: true }]),
      objectType([...written, { name: 'added', type: 'string', isOptional: false }]),
      ...(fields.length > 1 ? each(() => []) : []),
      ...each((field) => [{ ...field, name: `${field.name}Renamed` }]),
      ...each((field) => [{ ...field, isOptional: !field.isOptional }]),
      ...fields.flatMap(({ part }, i) =>
        part.changed.map((type) => objectType(written.map((field, at) => (at === i ? { ...field, type } : field)))),
      ),
    ],
  }
}

const { sample } = fc.letrec<{ sample: Sample }>((tie) => {
  const inner = tie('sample')
  const list = (parts: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(parts, { maxLength: 4 })
  return {
    sample: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom(...LEAVES),
      inner.map((part) => ({ ...around(part, (type) => `readonly (${type})[]`), values: list(part.values) })),
      inner.map((part) => ({
        ...around(part, (type) => `ReadonlySet<${type}>`),
        values: list(part.values).map((items) => new Set(items)),
      })),
      inner.map((part) => ({
        ...around(part, (type) => `Record<string, ${type}>`),
        values: fc.dictionary(key, part.values, { maxKeys: 4, noNullPrototype: true }),
      })),
      inner.map((part) => ({
        ...around(part, (type) => `${type} | null | undefined`),
        values: fc.option(fc.option(part.values), { nil: undefined }),
      })),
      fc.tuple(fc.constantFrom('string', 'number', 'null'), inner).map(([keyType, part]) => ({
        ...around(part, (type) => `ReadonlyMap<${keyType}, ${type}>`),
        values: list(fc.tuple(LEAVES.find((leaf) => leaf.type === keyType)?.values ?? fc.constant(null), part.values)).map(
          (entries) => new Map(entries as [unknown, unknown][]),
        ),
      })),
      fc.tuple(inner, inner).map(([a, b]) => ({
        ...aroundBoth(a, b, (first, second) => `readonly [${first}, ${second}]`),
        values: fc.tuple(a.values, b.values),
      })),
      fc.tuple(inner, inner).map(([a, b]) => ({
        ...aroundBoth(a, b, (first, rest) => `readonly [${first}, ...(${rest})[]]`),
        values: fc.tuple(a.values, list(b.values)).map(([first, rest]) => [first, ...rest]),
      })),
      fc.tuple(inner, inner).map(([a, b]) => {
        const { type, changed } = aroundBoth(a, b, tagged)
        return {
          type,
          changed: [...changed, tagged(a.type, b.type, `{ kind: 'd' }`), tagged(a.type, b.type, `{ kind: 'c'; more?: 1 }`)],
          values: fc.oneof(
            fc.record({ kind: fc.constant('a'), value: a.values }, { noNullPrototype: true }),
            fc.record({ kind: fc.constant('b'), value: b.values }, { noNullPrototype: true }),
            fc.record({ kind: fc.constant('c') }, { noNullPrototype: true }),
          ),
        }
      }),
      fc.array(fc.record({ part: inner, isOptional: fc.boolean() }), { minLength: 1, maxLength: 6 }).map((properties) => ({
        ...objectOf(properties.map((property, i) => ({ ...property, name: `p${i}` }))),
        values: fc.record(Object.fromEntries(properties.map(({ part }, i) => [`p${i}`, part.values])), {
          requiredKeys: properties.flatMap(({ isOptional }, i) => (isOptional ? [] : [`p${i}`])),
          noNullPrototype: true,
        }),
      })),
    ),
  }
})

/** A component for each type, so that the compiler tells of each. */
const echoes = (types: readonly string[]): string =>
  `${IMPORTS}${types
    .map(
      (type, i) => `
export interface Echo${i} { m(value: ${type}): Promise<${type}> }
export const Echo${i} = component<Echo${i}>('test/Echo${i}')
class EchoImpl${i} implements Echo${i} { async m(value: ${type}): Promise<${type}> { return value } }
export const echoImpl${i} = implement(Echo${i}, EchoImpl${i})
`,
    )
    .join('')}`

describe('types that nobody thought of', () => {
  const fixture = fixtures()
  const samples = fc.sample(sample, { numRuns: TYPES, seed: 20 })
  let made: Fixture
  let bindings: readonly ComponentBinding[]

  beforeAll(async () => {
    made = fixture({ 'echo.ts': echoes(samples.map(({ type }) => type)) })
    const { diagnostics } = await generate({ projectDir: made.folder })
    expect(diagnostics.map(formatDiagnostic)).toEqual([])
    expect(made.typeErrors()).toEqual([])
    expect(made.generated()).toBe(await made.formatted())
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }
    bindings = weaver.components()
    expect(bindings).toHaveLength(TYPES)
  })

  const methodOf = (index: number): MethodBinding =>
    bindings.find(({ token }) => token.name === `test/Echo${index}`)?.methods[0] as MethodBinding // the file has all of them
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

  it('a change anywhere in a type does not compile until the file is generated anew', () => {
    for (const seed of [1, 2, 3, 4]) {
      const changed = samples.map(
        ({ changed }, i) => fc.sample(fc.constantFrom(...changed), { numRuns: 1, seed: seed * 1_000 + i })[0] ?? '',
      )
      made.write('src/echo.ts', echoes(changed))
      const errors = made.typeErrors()
      const isTold = (i: number): boolean =>
        errors.some((error) => error.startsWith(`/src/weaver.gen.ts: Echo${i}Methods>`) && error.includes('run \\"weaver generate\\"'))
      expect(changed.filter((_, i) => !isTold(i))).toEqual([])
      expect(errors).toHaveLength(TYPES)
    }
  })
})
