import type { GraphComponent, GraphShape } from './graph-shape.js'
import { fieldPath, nearestName, type SpecProblem } from './problems.js'
import type { WeaverAppSpec } from './weaver-app.js'

/** `${env:NAME}` and `${file:/path}` stand for secrets. */
const REFERENCE = /(^|[^$])\$\{(env|file):/

/** Says everything in which a spec contradicts the components that its image really has. */
export function checkAgainstGraph(spec: WeaverAppSpec, graph: GraphShape): SpecProblem[] {
  const components = new Map(graph.components.map((c) => [c.name, c]))
  const listeners = graph.components.flatMap((c) => c.listeners)
  return [
    ...spec.groups.flatMap((group, i) =>
      group.components.flatMap((name, j) =>
        components.has(name) ? [] : [unknown(['groups', i, 'components', j], { what: 'component', name, known: components.keys() })],
      ),
    ),
    ...spec.listeners.flatMap(({ name }, i) =>
      listeners.includes(name) ? [] : [unknown(['listeners', i, 'name'], { what: 'listener', name, known: listeners })],
    ),
    ...Object.entries(spec.config ?? {}).flatMap(([name, config]) =>
      checkConfig(components.get(name), { name, config, known: components.keys() }),
    ),
  ]
}

function unknown(
  path: readonly PropertyKey[],
  { what, name, known }: { readonly what: string; readonly name: string; readonly known: Iterable<string> },
): SpecProblem {
  const names = [...known].sort()
  const near = nearestName(name, names)
  const list =
    names.length === 0
      ? `it has no ${what}`
      : `it has ${names
          .slice(0, 10)
          .map((n) => `"${n}"`)
          .join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`
  return {
    path: fieldPath('spec', ...path),
    message: `the image has no ${what} "${name}"`,
    remedy: near === undefined ? `use one that it has (${list})` : `did you mean "${near}"? Otherwise build an image that has it`,
  }
}

function checkConfig(
  component: GraphComponent | undefined,
  { name, config, known }: { readonly name: string; readonly config: unknown; readonly known: Iterable<string> },
): SpecProblem[] {
  if (component === undefined) return [unknown(['config', name], { what: 'component', name, known })]
  if (component.config === undefined)
    return [
      {
        path: fieldPath('spec', 'config', name),
        message: `component "${name}" takes no configuration`,
        remedy: 'remove it, or declare a config(...) field in the component',
      },
    ]
  return checkValue(config, component.config, ['spec', 'config', name])
}

/**
 * The part of JSON Schema that the generator writes: type, properties, required, additionalProperties, items, enum, const, anyOf. What it does not know it lets
 * pass; the component itself has the last word when it starts.
 */
function checkValue(value: unknown, schema: Readonly<Record<string, unknown>>, path: readonly PropertyKey[]): SpecProblem[] {
  if (typeof value === 'string' && REFERENCE.test(value)) return [] // what it stands for is known to the process alone
  const alternatives = [schema['anyOf'], schema['oneOf']].find(Array.isArray) as readonly unknown[] | undefined
  if (alternatives !== undefined) {
    const results = alternatives.map((a) => checkValue(value, asRecord(a) ?? {}, path))
    return results.some((r) => r.length === 0) ? [] : (results.sort((a, b) => a.length - b.length)[0] ?? [])
  }
  const problem = (message: string, remedy: string): SpecProblem[] => [{ path: fieldPath(...path), message, remedy }]
  const allowed = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']] : undefined
  if (allowed !== undefined && !allowed.includes(value))
    return problem(`${JSON.stringify(value)} is none of the allowed values`, `use ${allowed.map((a) => JSON.stringify(a)).join(', ')}`)
  const types = [schema['type']].flat().filter((t) => typeof t === 'string')
  if (types.length > 0 && !types.some((t) => isOfType(value, t)))
    return problem(`is ${typeName(value)}, not ${types.join(' or ')}`, `give a value of type ${types.join(' or ')}`)
  if (Array.isArray(value)) {
    const items = asRecord(schema['items'])
    return items === undefined ? [] : value.flatMap((v, i) => checkValue(v, items, [...path, i]))
  }
  const object = asRecord(value)
  return object === undefined ? [] : checkObject(object, schema, path)
}

function checkObject(
  object: Readonly<Record<string, unknown>>,
  schema: Readonly<Record<string, unknown>>,
  path: readonly PropertyKey[],
): SpecProblem[] {
  const properties = asRecord(schema['properties']) ?? {}
  const required = Array.isArray(schema['required']) ? (schema['required'] as readonly unknown[]).map(String) : []
  const rest = schema['additionalProperties']
  return [
    ...required
      // A default makes up for what is missing, whatever `required` says.
      .filter((key) => !(key in object) && !('default' in (asRecord(properties[key]) ?? {})))
      .map((key) => ({ path: fieldPath(...path, key), message: 'is missing', remedy: 'give it' })),
    ...Object.entries(object).flatMap(([key, v]) => {
      const known = asRecord(properties[key])
      if (known !== undefined) return checkValue(v, known, [...path, key])
      if (asRecord(rest) !== undefined) return checkValue(v, asRecord(rest) ?? {}, [...path, key])
      if (rest !== false) return []
      const near = nearestName(key, Object.keys(properties))
      return [
        {
          path: fieldPath(...path, key),
          message: 'is no field of this configuration',
          remedy:
            near === undefined
              ? `use ${Object.keys(properties)
                  .map((p) => `"${p}"`)
                  .join(', ')}`
              : `did you mean "${near}"?`,
        },
      ]
    }),
  ]
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return asRecord(value) !== undefined
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}
