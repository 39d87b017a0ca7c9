import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { buildWeaverAppCrd, toStructural, weaverAppCrdYaml } from './crd.js'

describe('the CRD', () => {
  it.each(['../weaver.dev_weaverapps.yaml', '../../charts/weaver-operator/files/weaver.dev_weaverapps.yaml'])(
    '%s is what the schema makes; run `npm run generate -w crds`',
    (file) => {
      expect(readFileSync(new URL(file, import.meta.url), 'utf8')).toBe(weaverAppCrdYaml())
    },
  )

  it('is the same as YAML and as an object', () => expect(parse(weaverAppCrdYaml())).toEqual(buildWeaverAppCrd()))
})

describe('a structural schema', () => {
  const convert = (schema: z.ZodType) => toStructural(z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>)

  it('knows no propertyNames, no additionalProperties: false and no const', () => {
    expect(convert(z.strictObject({ kind: z.literal('a'), map: z.record(z.string().min(1), z.int()).optional() }))).toEqual({
      type: 'object',
      required: ['kind'],
      properties: {
        kind: { type: 'string', enum: ['a'] },
        map: { type: 'object', additionalProperties: { type: 'integer', format: 'int64' } },
      },
    })
  })

  it('keeps free-form values by saying so', () => {
    expect(convert(z.record(z.string(), z.unknown()))).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })
    expect(convert(z.object({ any: z.unknown().optional() }))).toMatchObject({
      properties: { any: { 'x-kubernetes-preserve-unknown-fields': true } },
    })
  })

  it('never loses a constraint: what it cannot say is an error that names the place', () => {
    expect(() => convert(z.object({ a: z.object({ b: z.union([z.string(), z.int()]) }) }))).toThrow('$.a.b: no structural schema has anyOf')
    expect(() => convert(z.object({ a: z.int().multipleOf(5) }))).toThrow('$.a: no structural schema has multipleOf')
  })
})
