// `weaver single deploy` and the operator check configuration by a JSON Schema, and the component
// parses it with the schema that this is made from. What the component takes, the check must take.
import { checkConfigAgainstGraph } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configJsonSchema, parseConfig } from '@weaver/sdk/internal'
import * as fc from 'fast-check'
import { z } from 'zod'

/** What the check says of a value, and whether the component takes it. */
function compare(schema: z.ZodType, value: unknown): { readonly isTaken: boolean; readonly problems: readonly string[] } {
  const made = configJsonSchema(schema)
  const isTaken = 'value' in parseConfig(schema, value, { env: { FIVE: '5', NO: 'false' }, readFile: () => '' })
  if (made === undefined || 'problems' in made) return { isTaken, problems: [] } // such a schema is refused where the application is built
  const component = { name: 'a/B', methods: [], refs: [], listeners: [], config: made.schema }
  const graph: ComponentGraph = { format: 1, generator: '', fingerprint: '', components: [component] }
  const found = checkConfigAgainstGraph({ 'a/B': value }, graph, { hasTrustedPatterns: true })
  return { isTaken, problems: found.map(({ path, message }) => `${path} ${message}`) }
}

it.each<[string, z.ZodType, unknown]>([
  ['preprocess', z.object({ pre: z.preprocess((v) => Number(v), z.number()) }), { pre: '5' }],
  ['preprocess that makes up for nothing', z.object({ pre: z.preprocess((v) => v ?? 5, z.number()) }), {}],
  ['catch', z.object({ a: z.number().catch(1) }), { a: 'x' }],
  ['catch of what is missing', z.object({ a: z.number().catch(1) }), {}],
  ['a pipe', z.object({ a: z.string().transform(Number).pipe(z.number().min(3)) }), { a: '5' }],
  ['a pipe from anything', z.object({ a: z.unknown().transform(Number).pipe(z.number()) }), { a: '5' }],
  ['a codec', z.object({ a: z.codec(z.string(), z.number(), { decode: Number, encode: String }) }), { a: '5' }],
  ['stringbool', z.object({ a: z.stringbool() }), { a: 'no' }],
  ['coercion', z.object({ a: z.coerce.number().min(3), b: z.coerce.boolean(), c: z.coerce.string().min(1) }), { a: '5', b: 'x', c: 5 }],
  ['trim before a bound', z.object({ a: z.string().trim().max(2) }), { a: '  ab  ' }],
  [
    'lower case before a pattern',
    z.object({
      a: z
        .string()
        .toLowerCase()
        .regex(/^[a-z]+$/),
    }),
    { a: 'ABC' },
  ],
  ['an overwrite of numbers', z.object({ a: z.number().overwrite(Math.abs).min(0) }), { a: -1 }],
  [
    'an overwrite of lists',
    z.object({
      a: z
        .array(z.number())
        .overwrite((list) => list.slice(0, 1))
        .max(1),
    }),
    { a: [1, 2] },
  ],
  ['a pattern that knows no case', z.object({ a: z.string().regex(/^abc$/i) }), { a: 'ABC' }],
  ['a pattern of several lines', z.object({ a: z.string().regex(/^b$/m) }), { a: 'a\nb' }],
  ['a pattern in code units', z.object({ a: z.string().regex(/^..$/) }), { a: '😀' }],
  [
    'an intersection of strict objects',
    z.intersection(z.strictObject({ a: z.number() }), z.strictObject({ b: z.number() })),
    { a: 1, b: 2 },
  ],
  ['a tuple with an optional end', z.object({ a: z.tuple([z.string(), z.number().optional()]) }), { a: ['x'] }],
  ['a tuple with a rest, of what takes anything', z.object({ a: z.tuple([z.unknown()], z.number()) }), { a: [] }],
  [
    'a record by pattern',
    z.object({
      a: z.record(
        z
          .string()
          .toUpperCase()
          .regex(/^[A-Z]$/),
        z.number(),
      ),
    }),
    { a: { b: 1 } },
  ],
  ['a record by an enum', z.object({ a: z.partialRecord(z.enum(['x', 'y']), z.number()) }), { a: { x: 1 } }],
  ['a record by an enum, of what takes anything', z.object({ a: z.record(z.enum(['x', 'y']), z.coerce.string()) }), { a: {} }],
  ['a record by an enum, of a union', z.object({ a: z.record(z.enum(['x']), z.union([z.number(), z.unknown()])) }), { a: {} }],
  ['a record by numbers', z.object({ a: z.record(z.coerce.number(), z.string()) }), { a: { 1: 'x' } }],
  ['defaults within', z.object({ a: z.object({ b: z.number().default(1) }).prefault({}) }), {}],
  ['a reference', z.object({ a: z.coerce.number(), b: z.stringbool() }), { a: '${env:FIVE}', b: '${env:NO}' }],
])('%s is taken', (_, schema, value) => {
  expect(compare(schema, value)).toEqual({ isTaken: true, problems: [] })
})

it('still says what a component would refuse', () => {
  const schema = z.strictObject({
    a: z.number().min(3),
    b: z.string().max(1).trim(),
    c: z.enum(['x']),
    d: z.array(z.strictObject({ e: z.string().regex(/^a/) })),
    f: z.record(z.enum(['x']), z.union([z.number().nullable(), z.string()])),
  })
  const value = { a: 1, b: 5, c: 'y', d: [{ e: 'b', f: 1 }], f: {} }
  expect(compare(schema, value)).toMatchObject({ isTaken: false, problems: { length: 6 } })
})

const text = fc.oneof(fc.constantFrom('', 'a', 'A', ' a ', 'ab', '5', '-1', 'true', 'no', '😀', 'a\nb', '2020-01-01', 'a@b.cc', '${env:FIVE}', '${env:NO}'), fc.string({ maxLength: 5 })) // prettier-ignore
const key = fc.constantFrom('a', 'b', 'c', 'd')
const numbers = fc.oneof(fc.constantFrom(0, 1, -1, 2, 5, 0.5, 1e21), fc.integer({ min: -10, max: 10 }))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    numbers,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(key, tie('any'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any

const bound = fc.integer({ min: -2, max: 4 })
const strings: fc.Arbitrary<z.ZodType> = fc
  .array(
    fc.oneof(
      bound.map((n) => (s: z.ZodString) => s.min(n)),
      bound.map((n) => (s: z.ZodString) => s.max(n)),
      fc.constantFrom<(s: z.ZodString) => z.ZodString>(
        (s) => s.trim(),
        (s) => s.toLowerCase(),
        (s) => s.toUpperCase(),
        (s) => s.regex(/^[a-z]*$/),
        (s) => s.regex(/^a/i),
        (s) => s.regex(/^.$/s),
        (s) => s.startsWith('a'),
        (s) => s.includes('a'),
        (s) => s.overwrite((t) => t.slice(0, 1)),
        (s) => s.nonempty(),
      ),
    ),
    { maxLength: 3 },
  )
  .map((steps) => steps.reduce((s, step) => step(s), z.string()))
const leaves: fc.Arbitrary<z.ZodType> = fc.oneof(
  strings,
  fc.record({ min: bound, isInt: fc.boolean(), isAbs: fc.boolean() }).map(({ min, isInt, isAbs }) => {
    const start = isInt ? z.int() : z.number()
    return (isAbs ? start.overwrite(Math.abs) : start).min(min)
  }),
  bound.map((n) => z.number().lt(n)),
  fc
    .constantFrom<() => z.ZodType>(
      () => z.boolean(),
      () => z.null(),
      () => z.unknown(),
      () => z.never(),
      () => z.stringbool(),
      () => z.coerce.number(),
      () => z.coerce.number().int().min(2),
      () => z.coerce.boolean(),
      () => z.coerce.string().min(1),
      () => z.coerce.date(),
      () => z.enum(['a', 'b']),
      () => z.literal(['a', 5, true, null]),
      () => z.email(),
      () => z.iso.date(),
      () => z.number().multipleOf(0.1),
      () => z.templateLiteral(['a', z.number()]),
      () => z.codec(z.string(), z.number(), { decode: Number, encode: String }),
    )
    .map((make) => make()),
)
const schemas = fc.letrec<{ any: z.ZodType; object: z.ZodType }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    leaves,
    tie('object'),
    tie('any').map((s) => s.optional()),
    tie('any').map((s) => s.nullable()),
    tie('any').map((s) => s.catch(1)),
    fc.tuple(tie('any'), value).map(([s, v]) => s.default(v as never)),
    fc.tuple(tie('any'), value).map(([s, v]) => s.prefault(v as never)),
    tie('any').map((s) => z.preprocess((v) => (typeof v === 'string' ? Number(v) : v), s)),
    tie('any').map((s) => z.preprocess((v) => v ?? 1, s)),
    tie('any').map((s) => s.transform((v) => [v])),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => a.transform((v) => v).pipe(b)),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => z.union([a, b])),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => z.intersection(a, b)),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => z.tuple([a, b])),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => z.tuple([a], b)),
    tie('any').map((s) => z.array(s).max(2)),
    tie('any').map((s) => z.array(s).overwrite((list) => list.slice(0, 1)).max(1)), // prettier-ignore
    fc.tuple(strings, tie('any')).map(([k, v]) => z.record(k as z.ZodString, v)),
    tie('any').map((v) => z.record(z.enum(['a', 'b']), v)),
    tie('any').map((v) => z.partialRecord(z.enum(['a', 'b']), v)),
    tie('any').map((v) => z.looseRecord(z.string().regex(/^a/), v)),
    tie('any').map((s) => z.lazy(() => s)),
    tie('any').map((s) => s.readonly()),
    tie('any').map((s) => s.refine(() => true)),
    tie('any').map((s) => z.nonoptional(s)),
    tie('any').map((s) => z.discriminatedUnion('a', [z.object({ a: z.literal('a'), b: s }), z.object({ a: z.literal('b') })])),
  ),
  object: fc
    .tuple(
      fc.dictionary(key, tie('any'), { maxKeys: 3, noNullPrototype: true }),
      fc.constantFrom('strict', 'loose', 'strip', 'catchall'),
      tie('any'),
    )
    .map(([shape, kind, rest]) =>
      kind === 'strict'
        ? z.strictObject(shape)
        : kind === 'loose'
          ? z.looseObject(shape)
          : kind === 'strip'
            ? z.object(shape)
            : z.object(shape).catchall(rest),
    ),
}))

/** The same schemas each time; `WEAVER_SEED=… WEAVER_RUNS=…` tries others. */
const SEED = Number(process.env['WEAVER_SEED'] ?? 27)
const RUNS = Number(process.env['WEAVER_RUNS'] ?? 300)

it(`whatever the schema: ${RUNS} of them, from seed ${SEED}`, () => {
  let taken = 0
  fc.assert(
    fc.property(schemas.any, fc.array(value, { minLength: 10, maxLength: 20 }), (schema, values) => {
      for (const one of values) {
        const { isTaken, problems } = compare(schema, one)
        if (!isTaken) continue
        taken++
        if (problems.length > 0)
          throw new Error(
            `${JSON.stringify(one)} is taken, and the check says: ${problems.join('; ')}; ${JSON.stringify(configJsonSchema(schema))}`,
          )
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
  expect(taken).toBeGreaterThan(RUNS)
})
