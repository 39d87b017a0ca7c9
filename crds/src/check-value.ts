/**
 * Checks configuration by the JSON Schema that the component graph carries.
 *
 * An interpreter of our own, where validators such as ajv exist, for three reasons: a schema comes
 * from a user's image, and those validators compile schemas to code and require that they are
 * trusted; a text with a reference (`${env:X}`) must pass whatever its place expects; and every
 * problem needs its path and a remedy. Unknown keywords pass; the component itself has the last
 * word when it starts.
 */
import { fieldPath, nearestName, type SpecProblem } from './problems.js'

export type Schema = Readonly<Record<string, unknown>>

export interface CheckOptions {
  /**
   * Evaluate the schema's regular expressions. An untrusted one can run for ever, so only the
   * user's own command should.
   * @default false
   */
  readonly hasTrustedPatterns?: boolean
}

/** `${env:NAME}` and `${file:/path}` stand for secrets. */
const REFERENCE = /(^|[^$])\$\{(env|file):/
/**
 * A recursive schema ends where the value does; this limit is for schemas that never look at the
 * value.
 */
const MAX_DEPTH = 200
/**
 * Limit of schemas evaluated for one value: nested alternatives double the work with each level.
 */
const MAX_STEPS = 100_000

/** All mismatches between a value and the schema. No message contains text of the value. */
export function checkValue(value: unknown, schema: Schema, at: { readonly path: readonly PropertyKey[] } & CheckOptions): SpecProblem[] {
  return new Checker(schema, at.hasTrustedPatterns === true).check(value, schema, at.path)
}

type Path = readonly PropertyKey[]

class Checker {
  readonly #root: Schema
  readonly #hasTrustedPatterns: boolean
  #depth = 0
  #stepsLeft = MAX_STEPS

  constructor(root: Schema, hasTrustedPatterns: boolean) {
    this.#root = root
    this.#hasTrustedPatterns = hasTrustedPatterns
  }

  check(value: unknown, schema: unknown, path: Path): SpecProblem[] {
    if (typeof value === 'string' && REFERENCE.test(value)) return [] // what it stands for is known to the process alone
    if (schema === false) return [problem(path, 'is not allowed here', 'remove it')]
    const of = asRecord(schema)
    if (of === undefined || this.#depth > MAX_DEPTH || this.#stepsLeft-- <= 0) return []
    this.#depth++
    try {
      return [...this.#own(value, of, path), ...this.#combined(value, of, path)]
    } finally {
      this.#depth--
    }
  }

  /** `$ref`, `allOf`, `anyOf`, `oneOf`, `not`. */
  #combined(value: unknown, schema: Schema, path: Path): SpecProblem[] {
    const found: SpecProblem[] = []
    if (typeof schema['$ref'] === 'string') found.push(...this.check(value, this.#resolve(schema['$ref']), path))
    for (const part of asList(schema['allOf'])) found.push(...this.check(value, part, path))
    // oneOf as anyOf: two that fit are no reason to refuse what the component takes
    for (const alternatives of [asList(schema['anyOf']), asList(schema['oneOf'])]) {
      if (alternatives.length === 0) continue
      const results = alternatives.map((alternative) => this.check(value, alternative, path))
      if (!results.some((result) => result.length === 0)) found.push(...nearest(results, path, alternatives))
    }
    if (asRecord(schema['not']) !== undefined && this.check(value, schema['not'], path).length === 0)
      found.push(problem(path, 'is the one value that is not allowed here', 'change or remove it'))
    return found
  }

  #resolve(ref: string): unknown {
    if (!ref.startsWith('#')) return undefined
    return ref
      .slice(1)
      .split('/')
      .filter((part) => part !== '')
      .reduce<unknown>((at, part) => asRecord(at)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], this.#root)
  }

  #own(value: unknown, schema: Schema, path: Path): SpecProblem[] {
    const allowed = Array.isArray(schema['enum'])
      ? (schema['enum'] as readonly unknown[])
      : 'const' in schema
        ? [schema['const']]
        : undefined
    if (allowed !== undefined && !allowed.includes(value))
      return [problem(path, 'is none of the allowed values', `use ${allowed.map((a) => JSON.stringify(a)).join(', ')}`)]
    const types = [schema['type']].flat().filter((type) => typeof type === 'string')
    if (types.length > 0 && !types.some((type) => isOfType(value, type)))
      return [problem(path, `is ${typeName(value)}, not ${types.join(' or ')}`, `give a value of type ${types.join(' or ')}`)]
    if (typeof value === 'number') return checkNumber(value, schema, path)
    if (typeof value === 'string') return this.#text(value, schema, path)
    if (Array.isArray(value)) return this.#list(value, schema, path)
    const object = asRecord(value)
    return object === undefined ? [] : this.#object(object, schema, path)
  }

  #text(value: string, schema: Schema, path: Path): SpecProblem[] {
    const length = [...value].length
    const { minLength, maxLength, pattern } = schema as {
      readonly minLength?: unknown
      readonly maxLength?: unknown
      readonly pattern?: unknown
    }
    return [
      ...sizeProblems(length, { min: minLength, max: maxLength, unit: 'characters' }, path),
      ...(this.#hasTrustedPatterns && typeof pattern === 'string' && !matches(value, pattern)
        ? [problem(path, `does not match ${pattern}`, 'give a text that does')]
        : []),
    ]
  }

  #list(value: readonly unknown[], schema: Schema, path: Path): SpecProblem[] {
    const first = asList(schema['prefixItems'])
    return [
      ...sizeProblems(value.length, { min: schema['minItems'], max: schema['maxItems'], unit: 'entries' }, path),
      ...value.flatMap((item, i) => this.check(item, i < first.length ? first[i] : schema['items'], [...path, i])),
    ]
  }

  #object(object: Schema, schema: Schema, path: Path): SpecProblem[] {
    const properties = asRecord(schema['properties']) ?? {}
    const rest = schema['additionalProperties']
    return [
      ...sizeProblems(Object.keys(object).length, { min: schema['minProperties'], max: schema['maxProperties'], unit: 'keys' }, path),
      ...asList(schema['required'])
        .map(String)
        // A default makes up for what is missing, whatever `required` says.
        .filter((key) => !Object.hasOwn(object, key) && !('default' in (asRecord(properties[key]) ?? {})))
        .map((key) => problem([...path, key], 'is missing', `give it${wanted(asRecord(properties[key]))}`)),
      ...Object.entries(object).flatMap(([key, value]) => {
        const at = [...path, key]
        if (Object.hasOwn(properties, key)) return this.check(value, properties[key], at)
        const named = asRecord(schema['propertyNames'])
        const names = named === undefined ? [] : asList(named['enum']).map(String)
        if (rest === false || (names.length > 0 && !names.includes(key)))
          return [unknownKey(key, at, [...Object.keys(properties), ...names])]
        return this.check(value, rest, at)
      }),
    ]
  }
}

function problem(path: Path, message: string, remedy: string): SpecProblem {
  return { path: fieldPath(...path), message, remedy }
}

/**
 * Problems of the alternative that was most likely meant: the one with a property of the right
 * literal, else the one with the fewest problems.
 */
function nearest(results: readonly SpecProblem[][], path: Path, alternatives: readonly unknown[]): readonly SpecProblem[] {
  const here = fieldPath(...path)
  const types = alternatives.map((alternative) => asRecord(alternative)?.['type']).filter((type) => typeof type === 'string')
  // None is even of the right type: to speak of one of them would hide the others.
  if (types.length === alternatives.length && results.every((result) => result.some((p) => p.path === here && p.message.includes(', not '))))
    return [{ path: here, message: `${results[0]?.[0]?.message.split(', not ')[0] ?? 'is'}, not ${types.join(' or ')}`, remedy: `give a value of type ${types.join(' or ')}` }] // prettier-ignore
  const rank = (result: readonly SpecProblem[]): number =>
    result.filter((p) => p.message.startsWith('is none of')).length * 1_000 +
    result.filter((p) => p.path === here).length * 100 +
    result.length
  return [...results].sort((a, b) => rank(a) - rank(b))[0] ?? []
}

function unknownKey(key: string, path: Path, known: readonly string[]): SpecProblem {
  const near = nearestName(key, known)
  const use = known.length === 0 ? 'remove it: there are none' : `use ${known.map((name) => `"${name}"`).join(', ')}`
  return problem(path, 'is not a field of this configuration', near === undefined ? use : `did you mean "${near}"?`)
}

function wanted(schema: Schema | undefined): string {
  const type = schema?.['type']
  const values = asList(schema?.['enum'])
  if (values.length > 0) return `: ${values.map((value) => JSON.stringify(value)).join(', ')}`
  return typeof type === 'string' ? `, as ${type}` : ''
}

function checkNumber(value: number, schema: Schema, path: Path): SpecProblem[] {
  const rules: readonly (readonly [key: string, isKept: (bound: number) => boolean, what: string, remedy: string])[] = [
    ['minimum', (bound) => value >= bound, 'is less than', 'give at least'],
    ['maximum', (bound) => value <= bound, 'is more than', 'give at most'],
    ['exclusiveMinimum', (bound) => value > bound, 'is not more than', 'give more than'],
    ['exclusiveMaximum', (bound) => value < bound, 'is not less than', 'give less than'],
    ['multipleOf', (bound) => Math.abs(value / bound - Math.round(value / bound)) < 1e-9, 'is not a multiple of', 'give a multiple of'],
  ]
  return rules.flatMap(([key, isKept, what, remedy]) => {
    const bound = schema[key]
    return typeof bound === 'number' && !isKept(bound) ? [problem(path, `${what} ${bound}`, `${remedy} ${bound}`)] : []
  })
}

function sizeProblems(
  size: number,
  { min, max, unit }: { readonly min: unknown; readonly max: unknown; readonly unit: string },
  path: Path,
): SpecProblem[] {
  if (typeof min === 'number' && size < min) return [problem(path, `has ${size} ${unit}`, `give at least ${min}`)]
  if (typeof max === 'number' && size > max) return [problem(path, `has ${size} ${unit}`, `give at most ${max}`)]
  return []
}

function matches(value: string, pattern: string): boolean {
  return ['u', ''].some((flags) => {
    try {
      return new RegExp(pattern, flags).test(value)
    } catch {
      return true // not a pattern of this language: the component decides
    }
  })
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return asRecord(value) !== undefined
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function asRecord(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
