import { checkValue, type Schema } from './check-value.js'

const check = (value: unknown, schema: Schema, hasTrustedPatterns = true): readonly string[] =>
  checkValue(value, schema, { path: ['c'], hasTrustedPatterns }).map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`)

const TREE: Schema = {
  type: 'object',
  properties: { name: { type: 'string' }, below: { type: 'array', items: { $ref: '#' } }, limit: { $ref: '#/$defs/limit' } },
  required: ['name'],
  $defs: { limit: { type: 'integer', minimum: 1 } },
}
const SHAPES: Schema = {
  oneOf: [
    {
      type: 'object',
      properties: { kind: { const: 'file' }, path: { type: 'string' } },
      required: ['kind', 'path'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: { kind: { const: 's3' }, bucket: { type: 'string' }, retries: { type: 'number' } },
      required: ['kind', 'bucket'],
    },
  ],
}

describe('configuration by its JSON Schema', () => {
  it.each<readonly [schema: Schema, good: unknown, bad: unknown, problem: string]>([
    [{ type: 'integer', minimum: 1, maximum: 9 }, 9, 0, 'c: is less than 1; give at least 1'],
    [{ type: 'integer', minimum: 1, maximum: 9 }, 1, 10, 'c: is more than 9; give at most 9'],
    [{ exclusiveMinimum: 0 }, 0.1, 0, 'c: is not more than 0; give more than 0'],
    [{ exclusiveMaximum: 1 }, 0.9, 1, 'c: is not less than 1; give less than 1'],
    [{ multipleOf: 0.1 }, 0.3, 0.35, 'c: is not a multiple of 0.1; give a multiple of 0.1'],
    [{ type: 'string', minLength: 2 }, 'ab', '😀', 'c: has 1 characters; give at least 2'],
    [{ type: 'string', pattern: '^x' }, 'xy', 'yx', 'c: does not match ^x; give a text that does'],
    [{ type: 'array', maxItems: 1 }, [1], [1, 2], 'c: has 2 entries; give at most 1'],
    [{ prefixItems: [{ type: 'string' }], items: false }, ['a'], ['a', 2], 'c[1]: is not allowed here; remove it'],
    [
      { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
      ['a', 1],
      [1],
      'c[0]: is a number, not string; give a value of type string',
    ],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, 2, 3, 'c: is more than 2; give at most 2'],
    [{ not: { const: 3 } }, 4, 3, 'c: is the one value that is not allowed here; change or remove it'],
    [
      { anyOf: [{ type: 'string' }, { type: 'number' }] },
      1,
      true,
      'c: is a boolean, not string or number; give a value of type string or number',
    ],
    [{ type: ['string', 'null'] }, null, [], 'c: is a list, not string or null; give a value of type string or null'],
    [{ enum: ['a', 'b'] }, 'b', 'c', 'c: is none of the allowed values; use "a", "b"'],
    [
      { propertyNames: { enum: ['left', 'right'] }, additionalProperties: { type: 'number' } },
      { left: 1 },
      { rigth: 1 },
      'c.rigth: is not a field of this configuration; use "left", "right"',
    ],
    [{ properties: { a: { type: 'string' } }, required: ['a'] }, { a: 'x' }, {}, 'c.a: is missing; give it, as string'],
    [
      TREE,
      { name: 'a', below: [{ name: 'b', limit: 1 }] },
      { name: 'a', below: [{ name: 'b', limit: 0 }] },
      'c.below[0].limit: is less than 1; give at least 1',
    ],
    [SHAPES, { kind: 's3', bucket: 'b' }, { kind: 's3' }, 'c.bucket: is missing; give it, as string'],
    [
      SHAPES,
      { kind: 'file', path: '/' },
      { kind: 'file', path: '/', bukcet: 'b' },
      'c.bukcet: is not a field of this configuration; use "kind", "path"',
    ],
  ])('%j takes %j and not %j', (schema, good, bad, problem) => {
    expect(check(good, schema)).toEqual([])
    expect(check(bad, schema)).toEqual([problem])
  })

  it('lets a text with a reference stand for anything, within unions too, and shows no value', () => {
    expect(check('${env:SIZE}', { type: 'number', minimum: 1 })).toEqual([])
    expect(check({ kind: 's3', bucket: '${file:/run/bucket}', retries: '${env:RETRIES}' }, SHAPES)).toEqual([])
    expect(check('$${env:SIZE}', { type: 'number' })).toHaveLength(1) // the text itself
    expect(check('hunter2', { enum: ['a'] }).join('')).not.toContain('hunter2')
  })

  it('tries no regular expression of a stranger, and ends on a schema that turns in itself', () => {
    const slow = { type: 'string', pattern: '^(a+)+$' }
    expect(check(`${'a'.repeat(60)}!`, slow, false)).toEqual([])
    expect(check(1, { $ref: '#' })).toEqual([])
    expect(check(1, { $ref: '#/$defs/none' })).toEqual([])
    expect(check(1, { anyOf: [{ $ref: '#' }, { $ref: '#' }] })).toEqual([])
    const levels = Array.from({ length: 40 }, (_, i) => [
      `l${i}`,
      { anyOf: [{ $ref: `#/$defs/l${i + 1}` }, { $ref: `#/$defs/l${i + 1}` }] },
    ])
    expect(check(1, { $ref: '#/$defs/l0', $defs: Object.fromEntries([...levels, ['l40', { type: 'string' }]]) })).toEqual([])
    expect(check('x', { pattern: '(' })).toEqual([])
  })

  it('a key named like something of every object is a key like others', () => {
    expect(check({ constructor: 1 }, { properties: {}, additionalProperties: false })).toHaveLength(1)
    expect(check({}, { properties: {}, required: ['toString'] })).toHaveLength(1)
  })
})
