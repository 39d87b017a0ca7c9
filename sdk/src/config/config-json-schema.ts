/**
 * The JSON Schema of a configuration schema's input, before coercion and defaults. A value with a
 * reference (`${env:X}`) is a text until the process replaces it, so checks by the schema accept
 * texts with references.
 *
 * I1  It is never stricter than the schema: whatever the component would parse passes. Where JSON
 *     Schema, or zod's conversion, cannot express what the schema does, it says less.
 */
import type { ConfigSchema } from '../component/construction.js'

export type JsonSchema = Record<string, unknown>

/** The parts used here of what zod 4 publishes about a schema, for tools that walk it. */
interface WalkedSchema {
  readonly _zod: {
    readonly def: {
      readonly type: string
      readonly coerce?: boolean
      /** For a pipe. */
      readonly in?: WalkedSchema
      readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string; readonly pattern?: RegExp } } }[]
      /** For an object. */
      readonly shape?: Readonly<Record<string, WalkedSchema>>
      /** For a tuple. */
      readonly items?: readonly WalkedSchema[]
      /** For a record. */
      readonly valueType?: WalkedSchema
      /** For a union. */
      readonly options?: readonly WalkedSchema[]
      /** For a wrapper of another schema. */
      readonly innerType?: WalkedSchema
    }
    /** Set if the value may be omitted. */
    readonly optin?: string | undefined
    /** For a text. */
    readonly bag?: { readonly patterns?: ReadonlySet<RegExp> }
  }
}
/** What zod 4 passes to `override`; `path` leads to the place in the JSON Schema. */
interface Overridden {
  readonly zodSchema: WalkedSchema
  readonly jsonSchema: JsonSchema
  readonly path?: readonly PropertyKey[]
}
interface ToJsonSchemaOptions {
  readonly io: 'input'
  readonly unrepresentable: 'any'
  readonly override: (of: Overridden) => void
}

export interface DescribedConfigSchema {
  readonly schema: JsonSchema
  /** Where its meaning differs from its looks, one line each. */
  readonly warnings: readonly string[]
}

/**
 * Values that neither TOML nor JSON can hold; `z.coerce.date()` and the like take a text or a
 * number instead.
 */
const NOT_JSON: Readonly<Record<string, string>> = {
  date: 'a Date: use z.iso.datetime(), or z.coerce.date()',
  bigint: 'a bigint: use z.number(), or z.coerce.bigint()',
  map: 'a Map: use z.record()',
  set: 'a Set: use z.array()',
  symbol: 'a symbol: use z.string()',
  file: 'a File: use z.string() for its path',
  promise: 'a promise: use what it resolves to',
  function: 'a function: use z.enum() to name what to do',
}
/** Keywords that checks of a value add to its schema, not to those of its parts. */
const BOUNDS = ['minLength', 'maxLength', 'pattern', 'format', 'allOf', 'contentEncoding', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minItems', 'maxItems'] // prettier-ignore

/**
 * @returns the schema, with problems for what configuration cannot express; `undefined` for a
 * schema that reveals nothing: not zod's, or of a version that is too old
 */
export function configJsonSchema(
  schema: ConfigSchema<unknown>,
): DescribedConfigSchema | { readonly problems: readonly string[] } | undefined {
  const ofZod = schema as { readonly toJSONSchema?: (options: ToJsonSchemaOptions) => JsonSchema }
  if (typeof ofZod.toJSONSchema !== 'function') return undefined
  const problems = new Set<string>()
  const warnings = new Set<string>()
  const made = ofZod.toJSONSchema({
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema, path = [] }) {
      const { def } = zodSchema._zod
      if (def.coerce === true) {
        if (def.type === 'boolean')
          warnings.add(`${placeOf(path)}z.coerce.boolean() takes every text but "" for true, "false" too: use z.stringbool()`)
      } else if (def.type in NOT_JSON) problems.add(`${placeOf(path)}configuration cannot hold ${NOT_JSON[def.type] ?? def.type}`)
      loosen(jsonSchema, zodSchema)
    },
  })
  delete made['$schema']
  return problems.size > 0 ? { problems: [...problems].sort() } : { schema: made, warnings: [...warnings].sort() }
}

/** Removes from a JSON Schema what the schema itself does not require (I1). */
function loosen(jsonSchema: JsonSchema, { _zod: { def, bag } }: WalkedSchema): void {
  // a leading transform sees the raw input, whatever follows; a catch accepts anything
  const isOfAnything = def.type === 'catch' || def.type === 'transform' || (def.type === 'pipe' && def.in?._zod.def.type === 'transform')
  if (isOfAnything) for (const key of Object.keys(jsonSchema)) if (key !== 'default') delete jsonSchema[key]
  if (def.coerce === true) delete jsonSchema['type'] // it accepts anything, such as the text "3" for a number
  // bounds of a value that was trimmed, or otherwise changed, do not apply to the input
  if (def.checks?.some(({ _zod }) => _zod.def.check === 'overwrite') === true) for (const bound of BOUNDS) delete jsonSchema[bound]
  // JSON Schema has no flags
  const patterns = [...(bag?.patterns ?? []), ...(def.checks ?? []).flatMap(({ _zod }) => _zod.def.pattern ?? [])]
  const flagged = patterns.filter(({ flags }) => /[ims]/.test(flags)).map(({ source }) => source)
  if (flagged.includes(jsonSchema['pattern'] as string)) delete jsonSchema['pattern'] // a string if present
  if (def.type === 'string' && Array.isArray(jsonSchema['allOf']))
    jsonSchema['allOf'] = (jsonSchema['allOf'] as readonly JsonSchema[]).filter(({ pattern }) => !flagged.includes(pattern as string)) // they are patterns
  // if the tuple has a rest, missing items are parsed as `undefined`
  if (def.type === 'tuple' && 'minItems' in jsonSchema) jsonSchema['minItems'] = (def.items ?? []).findLastIndex(refusesUndefined) + 1
  if (def.type === 'intersection') openKeys(jsonSchema)
  // a record keyed by an enum parses `undefined` for a missing key
  if (def.type === 'record' && def.valueType !== undefined && !refusesUndefined(def.valueType)) delete jsonSchema['required']
  const isOptional = (key: string): boolean => def.shape?.[key]?._zod.optin !== undefined
  if (Array.isArray(jsonSchema['required']))
    jsonSchema['required'] = (jsonSchema['required'] as readonly string[]).filter((key) => !isOptional(key))
}

/**
 * Types that accept only values of their own kind. Others, such as `unknown`, may accept
 * `undefined`.
 */
const OF_ONE_KIND = new Set(['string', 'number', 'int', 'boolean', 'null', 'never', 'enum', 'template_literal', 'object', 'array', 'tuple', 'record']) // prettier-ignore

/** Whether the schema is known to reject `undefined`. */
function refusesUndefined({ _zod: { def, optin } }: WalkedSchema): boolean {
  if (optin !== undefined || def.coerce === true) return false
  if (def.type === 'union') return def.options?.every(refusesUndefined) === true
  const inner = def.innerType ?? def.in
  if (['nullable', 'readonly', 'nonoptional', 'pipe'].includes(def.type)) return inner !== undefined && refusesUndefined(inner)
  return OF_ONE_KIND.has(def.type)
}

/**
 * A key unknown to one side of an intersection is rejected only if the other side does not know it
 * either.
 */
function openKeys(jsonSchema: JsonSchema): void {
  for (const part of [jsonSchema['allOf'], jsonSchema['anyOf'], jsonSchema['oneOf']].flat() as readonly (JsonSchema | undefined)[]) {
    if (part === undefined) continue // lists that exist hold schemas
    if (part['propertyNames'] !== undefined || part['additionalProperties'] === false) delete part['additionalProperties']
    delete part['propertyNames']
    openKeys(part)
  }
}

/** `"limits.size": ` of a place in a JSON Schema. */
function placeOf(path: readonly PropertyKey[]): string {
  const keys = path.filter((_, i) => path[i - 1] === 'properties')
  return keys.length === 0 ? '' : `"${keys.map(String).join('.')}": `
}
