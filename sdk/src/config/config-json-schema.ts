/**
 * The JSON Schema of what a configuration schema takes: its input, before coercion and defaults. A value with a reference (`${env:X}`) is a text until the process
 * replaces it; whoever checks by the schema lets texts with references pass.
 */
import type { ConfigSchema } from '../component/construction.js'

export type JsonSchema = Record<string, unknown>

/** What zod 4 hands to `override`; `path` leads to the place in the JSON Schema. */
interface Overridden {
  readonly zodSchema: { readonly _zod: { readonly def: { readonly type: string; readonly coerce?: boolean } } }
  readonly jsonSchema: JsonSchema
  readonly path?: readonly PropertyKey[]
}
interface ToJsonSchemaOptions {
  readonly io: 'input'
  readonly unrepresentable: 'any'
  readonly override: (of: Overridden) => void
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

/**
 * @returns the schema; problems where it takes what configuration cannot hold; `undefined` for a schema that tells nothing: not of zod, or of one that is too old
 */
export function configJsonSchema(
  schema: ConfigSchema<unknown>,
): { readonly schema: JsonSchema } | { readonly problems: readonly string[] } | undefined {
  const ofZod = schema as { readonly toJSONSchema?: (options: ToJsonSchemaOptions) => JsonSchema }
  if (typeof ofZod.toJSONSchema !== 'function') return undefined
  const problems = new Set<string>()
  const made = ofZod.toJSONSchema({
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema, path = [] }) {
      const { type, coerce } = zodSchema._zod.def
      if (coerce === true)
        delete jsonSchema['type'] // it takes anything, such as the text "3" for a number
      else if (type in NOT_JSON) problems.add(`${placeOf(path)}configuration cannot hold ${NOT_JSON[type] ?? type}`)
    },
  })
  delete made['$schema']
  return problems.size > 0 ? { problems: [...problems].sort() } : { schema: made }
}

/** `"limits.size": ` of a place in a JSON Schema. */
function placeOf(path: readonly PropertyKey[]): string {
  const keys = path.filter((_, i) => path[i - 1] === 'properties')
  return keys.length === 0 ? '' : `"${keys.map(String).join('.')}": `
}
