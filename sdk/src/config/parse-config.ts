/**
 * The last step of a component's configuration: references are replaced, the schema parses it, and
 * problems are reported with key and remedy.
 */
import type { ConfigSchema } from '../component/construction.js'
import { reasonOf } from '../contract/errors.js'
import { unknownNameHint } from './nearest-name.js'
import { resolveReferences, withoutSecrets, type ReferenceSource } from './references.js'

/** An issue of zod; other schemas may throw anything. */
interface Issue {
  readonly code?: string
  readonly path?: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

/** @returns the parsed value, or the problems, one line each; no problem contains a secret */
export function parseConfig<O>(
  schema: ConfigSchema<O>,
  given: unknown,
  source?: ReferenceSource,
): { readonly value: O } | { readonly problems: readonly string[] } {
  const resolved = resolveReferences(given ?? {}, source)
  if (resolved.problems.length > 0) return { problems: resolved.problems }
  try {
    return { value: schema.parse(resolved.value) }
  } catch (error) {
    return { problems: describeSchemaError(error, schema).map((problem) => withoutSecrets(problem, resolved.secrets)) }
  }
}

function describeSchemaError(error: unknown, schema: unknown): readonly string[] {
  const { issues } = error as { readonly issues?: unknown }
  if (!Array.isArray(issues)) return [reasonOf(error)]
  return (issues as readonly Issue[]).flatMap((issue) => {
    const path = issue.path ?? []
    if (issue.code !== 'unrecognized_keys' || issue.keys === undefined)
      return [`${path.length === 0 ? '' : `"${path.map(String).join('.')}": `}${issue.message}`]
    const known = keysAt(schema, path)
    return issue.keys.map(
      (key) =>
        `"${[...path, key].map(String).join('.')}" is not a key of it${known === undefined ? '' : `; ${unknownNameHint(key, known)}`}`,
    )
  })
}

/**
 * The keys that a zod object schema has at that place; `undefined` if they cannot be determined.
 */
function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] | undefined {
  let at = unwrapped(schema)
  for (const part of path) at = unwrapped(typeof part === 'number' ? at?.element : at?.shape?.[String(part)])
  return at?.shape === undefined ? undefined : Object.keys(at.shape)
}

/** The properties of zod 4 schemas, by kind. */
interface Shaped {
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
  readonly def?: { readonly innerType?: unknown; readonly in?: unknown }
}

/** The schema inside `optional`, `default`, a pipe and the like. */
function unwrapped(schema: unknown): Shaped | undefined {
  const shaped = schema as Shaped | undefined
  const inner = shaped?.def?.innerType ?? shaped?.def?.in
  return inner === undefined ? shaped : unwrapped(inner)
}
