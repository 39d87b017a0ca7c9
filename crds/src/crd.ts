import { stringify } from 'yaml'
import { z } from 'zod'
import { API_GROUP, API_VERSION, WEAVER_APP_KIND, WEAVER_APP_PLURAL, weaverAppSpecSchema } from './weaver-app.js'
import { weaverAppStatusSchema } from './weaver-app-status.js'

/** A JSON Schema node; what is in it depends on the keyword. */
type Schema = Readonly<Record<string, unknown>>

/** Keywords that mean the same in JSON Schema and in a structural schema and hold no schema. */
const COPIED = [
  'type',
  'description',
  'default',
  'enum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'required',
  'maxProperties',
  'minProperties',
] as const
/**
 * Keywords that a structural schema does not know and that the server's own rules make up for:
 * unknown fields are pruned, keys are checked by the operator.
 */
const DROPPED = new Set(['$schema', 'propertyNames', 'additionalProperties', 'const', 'properties', 'items', 'anyOf'])
const SAFE_INTEGER = Number.MAX_SAFE_INTEGER

/**
 * Turns JSON Schema as zod writes it into a Kubernetes structural schema.
 * @throws Error for a keyword that it does not know: a constraint must never be lost silently.
 */
export function toStructural(schema: Schema, path = '$'): Schema {
  if (schema['x-kubernetes-int-or-string'] === true)
    return {
      ...keep(schema, ['description', 'default']),
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
    }
  const unknown = Object.keys(schema).filter(
    (k) => !DROPPED.has(k) && !k.startsWith('x-kubernetes-') && !(COPIED as readonly string[]).includes(k),
  )
  if (unknown.length > 0 || 'anyOf' in schema)
    throw new Error(
      `${path}: no structural schema has ${[...unknown, ...('anyOf' in schema ? ['anyOf'] : [])].join(', ')}; write it as an enum, a rule, or int-or-string`,
    )
  if (Object.keys(schema).every((k) => k === 'description')) return { ...schema, 'x-kubernetes-preserve-unknown-fields': true }
  const out: Record<string, unknown> = keep(schema, COPIED)
  // zod bounds every integer by what JavaScript can count.
  if (out['maximum'] === SAFE_INTEGER) delete out['maximum']
  if (out['minimum'] === -SAFE_INTEGER) delete out['minimum']
  if (schema['type'] === 'integer') out['format'] = 'int64'
  if ('const' in schema) out['enum'] = [schema['const']]
  for (const [key, value] of Object.entries(schema)) if (key.startsWith('x-kubernetes-')) out[key] = value
  if (isSchema(schema['items'])) out['items'] = toStructural(schema['items'], `${path}[]`)
  if (isSchema(schema['properties']))
    out['properties'] = Object.fromEntries(
      Object.entries(schema['properties']).map(([name, s]) => [name, toStructural(s as Schema, `${path}.${name}`)]),
    )
  const rest = schema['additionalProperties']
  if (isSchema(rest)) {
    if (Object.keys(rest).length === 0) out['x-kubernetes-preserve-unknown-fields'] = true
    else out['additionalProperties'] = toStructural(rest, `${path}.*`)
  }
  return out
}

/** The CustomResourceDefinition, from the one schema. */
export function buildWeaverAppCrd(): Schema {
  const column = (name: string, jsonPath: string, more: Schema = {}) => ({ name, type: 'string', jsonPath, ...more })
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${WEAVER_APP_PLURAL}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind: WEAVER_APP_KIND,
        listKind: `${WEAVER_APP_KIND}List`,
        plural: WEAVER_APP_PLURAL,
        singular: WEAVER_APP_KIND.toLowerCase(),
        shortNames: ['wa'],
        categories: ['all'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column('READY', '.status.ready', { description: 'Groups ready of groups wanted.' }),
            column('PHASE', '.status.phase'),
            column('ACTIVE', '.status.active', { description: 'Version that users are on.' }),
            column('PREVIEW', '.status.preview', { description: 'Version that traffic moves to.' }),
            column('WEIGHT', '.status.weight', { description: 'Share of the preview version, observed and desired, in percent.' }),
            column('STEP', '.status.step'),
            column('AGE', '.metadata.creationTimestamp', { type: 'date' }),
            column('NEXT', '.status.next', { priority: 1 }),
            column('WAITING-FOR', '.status.awaits', { priority: 1, description: 'What is awaited, in short; status.waitingFor says why.' }),
            // Last, as it is the longest.
            column('IMAGE', '.spec.image', { priority: 1 }),
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description:
                'One application: an image of components, split into workloads, and upgraded by moving traffic between whole versions.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                // Names of children and values of labels are made from it.
                metadata: {
                  type: 'object',
                  properties: { name: { type: 'string', maxLength: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' } },
                },
                spec: toStructural(z.toJSONSchema(weaverAppSpecSchema, { io: 'input' }) as Schema, 'spec'),
                status: toStructural(z.toJSONSchema(weaverAppStatusSchema, { io: 'input' }) as Schema, 'status'),
              },
            },
          },
        },
      ],
    },
  }
}

/** The file `weaver.dev_weaverapps.yaml`. */
export function weaverAppCrdYaml(): string {
  return `# Made by \`npm run generate -w crds\` from crds/src/weaver-app.ts. Do not edit.\n${stringify(buildWeaverAppCrd(), { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function keep(schema: Schema, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((k) => schema[k] !== undefined).map((k) => [k, schema[k]]))
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
