// `weaver single deploy` and the operator check configuration by a JSON Schema, and the component parses it with the schema that this is made from. What the
// component takes, the check must take.
import { checkConfigAgainstGraph } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configJsonSchema, parseConfig } from '@weaver/sdk/internal'
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
  })
  const value = { a: 1, b: 5, c: 'y', d: [{ e: 'b', f: 1 }] }
  expect(compare(schema, value)).toMatchObject({ isTaken: false, problems: { length: 5 } })
})
