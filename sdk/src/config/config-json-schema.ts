/**
 * The JSON Schema of what a configuration schema takes: its input, before coercion and defaults. A value with a reference (`${env:X}`) is a text until the process
 * replaces it; whoever checks by the schema lets texts with references pass.
 *
 * I1 it is never stricter than the schema: what the component would parse, a check by it takes. Where JSON Schema, or zod's way to it, cannot say what the schema
 * does, it says less.
 */
import type { ConfigSchema } from '../component/construction.js'

export type JsonSchema = Record<string, unknown>

/** What zod 4 publishes of a schema for tools that walk it, as far as it is read here. */
interface WalkedSchema {
  readonly _zod: {
    readonly def: {
      readonly type: string
      readonly coerce?: boolean
      /** Of a pipe. */
      readonly in?: WalkedSchema
      readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string; readonly pattern?: RegExp } } }[]
      /** Of an object. */
      readonly shape?: Readonly<Record<string, WalkedSchema>>
      /** Of a tuple. */
      readonly items?: readonly WalkedSchema[]
      /** Of a record. */
      readonly valueType?: WalkedSchema
      /** Of a union. */
      readonly options?: readonly WalkedSchema[]
      /** Of what wraps another one. */
      readonly innerType?: WalkedSchema
    }
    /** Set where nothing may be given. */
    readonly optin?: string | undefined
    /** Of a text. */
    readonly bag?: { readonly patterns?: ReadonlySet<RegExp> }
  }
}
/** What zod 4 hands to `override`; `path` leads to the place in the JSON Schema. */
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
  /** What it takes for other than it seems to mean, one line each. */
  readonly warnings: readonly string[]
}

/** Values that neither TOML nor JSON can hold; `z.coerce.date()` and the like take a text or a number instead. */
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
/** What checks of a value put into its schema; those of its parts are not among them. */
const BOUNDS = ['minLength', 'maxLength', 'pattern', 'format', 'allOf', 'contentEncoding', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minItems', 'maxItems'] // prettier-ignore

/**
 * @returns the schema; problems where it takes what configuration cannot hold; `undefined` for a schema that tells nothing: not of zod, or of one that is too old
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

/** Takes out of a JSON Schema what is more than the schema asks for (I1). */
function loosen(jsonSchema: JsonSchema, { _zod: { def, bag } }: WalkedSchema): void {
  // a transform as the first step sees what is given, whatever comes after it; a catch makes up for anything
  const isOfAnything = def.type === 'catch' || def.type === 'transform' || (def.type === 'pipe' && def.in?._zod.def.type === 'transform')
  if (isOfAnything) for (const key of Object.keys(jsonSchema)) if (key !== 'default') delete jsonSchema[key]
  if (def.coerce === true) delete jsonSchema['type'] // it takes anything, such as the text "3" for a number
  // what bounds a value that was trimmed, or changed otherwise, says nothing of the one that was given
  if (def.checks?.some(({ _zod }) => _zod.def.check === 'overwrite') === true) for (const bound of BOUNDS) delete jsonSchema[bound]
  // JSON Schema has no flags
  const patterns = [...(bag?.patterns ?? []), ...(def.checks ?? []).flatMap(({ _zod }) => _zod.def.pattern ?? [])]
  const flagged = patterns.filter(({ flags }) => /[ims]/.test(flags)).map(({ source }) => source)
  if (flagged.includes(jsonSchema['pattern'] as string)) delete jsonSchema['pattern'] // a text where it is there
  if (def.type === 'string' && Array.isArray(jsonSchema['allOf']))
    jsonSchema['allOf'] = (jsonSchema['allOf'] as readonly JsonSchema[]).filter(({ pattern }) => !flagged.includes(pattern as string)) // of patterns
  // items that are not there are parsed as `undefined` where the tuple has a rest
  if (def.type === 'tuple' && 'minItems' in jsonSchema) jsonSchema['minItems'] = (def.items ?? []).findLastIndex(refusesUndefined) + 1
  if (def.type === 'intersection') openKeys(jsonSchema)
  // a record by an enum parses `undefined` for a key that is not there
  if (def.type === 'record' && def.valueType !== undefined && !refusesUndefined(def.valueType)) delete jsonSchema['required']
  const isOptional = (key: string): boolean => def.shape?.[key]?._zod.optin !== undefined
  if (Array.isArray(jsonSchema['required']))
    jsonSchema['required'] = (jsonSchema['required'] as readonly string[]).filter((key) => !isOptional(key))
}

/** Types that take values of their own kind alone. Others, such as `unknown`, may take `undefined`. */
const OF_ONE_KIND = new Set(['string', 'number', 'int', 'boolean', 'null', 'never', 'enum', 'template_literal', 'object', 'array', 'tuple', 'record']) // prettier-ignore

/** Whether the schema is known to refuse `undefined`. */
function refusesUndefined({ _zod: { def, optin } }: WalkedSchema): boolean {
  if (optin !== undefined || def.coerce === true) return false
  if (def.type === 'union') return def.options?.every(refusesUndefined) === true
  const inner = def.innerType ?? def.in
  if (['nullable', 'readonly', 'nonoptional', 'pipe'].includes(def.type)) return inner !== undefined && refusesUndefined(inner)
  return OF_ONE_KIND.has(def.type)
}

/** A key that one side of an intersection does not know is refused only when the other side knows it neither. */
function openKeys(jsonSchema: JsonSchema): void {
  for (const part of [jsonSchema['allOf'], jsonSchema['anyOf'], jsonSchema['oneOf']].flat() as readonly (JsonSchema | undefined)[]) {
    if (part === undefined) continue // the lists that are there hold schemas
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
