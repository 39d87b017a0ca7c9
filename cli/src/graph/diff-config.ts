/**
 * Changes in the configuration that a component takes. Configuration belongs to a version and is
 * never mixed.
 */
type Schema = Readonly<Record<string, unknown>>

/** One line per change, by the path of its key. */
export function diffConfig(was: Schema | undefined, is: Schema | undefined): readonly string[] {
  if (was === undefined && is === undefined) return []
  if (is === undefined) return ['configuration is no longer taken']
  return compare(was ?? {}, is, '')
}

function compare(was: Schema, is: Schema, above: string): readonly string[] {
  const [old, now] = [propertiesOf(was), propertiesOf(is)]
  const [mustOld, must] = [requiredOf(was), requiredOf(is)]
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
  const lines = keys.flatMap((key): readonly string[] => {
    const path = above === '' ? key : `${above}.${key}`
    const [before, after] = [old[key], now[key]]
    if (after === undefined) return [`configuration ${path} is gone`]
    if (before === undefined) return [`configuration ${path} is new${must.has(key) ? ', and must be given' : ''}`]
    const need =
      must.has(key) === mustOld.has(key) ? [] : [`configuration ${path} ${must.has(key) ? 'must now be given' : 'may now be left out'}`]
    if (before['properties'] !== undefined && after['properties'] !== undefined) return [...need, ...compare(before, after, path)]
    const [a, b] = [describe(before), describe(after)]
    return [...need, ...(a === b ? [] : [`configuration ${path}: ${a} is now ${b}`])]
  })
  const isStrict = (schema: Schema): boolean => schema['additionalProperties'] === false
  if (isStrict(was) !== isStrict(is))
    lines.push(
      `configuration ${above === '' ? '' : `${above} `}${isStrict(is) ? 'no longer takes unknown keys' : 'now takes unknown keys'}`,
    )
  return lines
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, Schema>> // of a JSON Schema
}

function requiredOf(schema: Schema): ReadonlySet<string> {
  return new Set((schema['required'] ?? []) as readonly string[]) // the same
}

/** `integer (minimum 1, default 3)`. */
function describe(schema: Schema): string {
  const { type, enum: values, const: only, ...rest } = schema
  const what = Array.isArray(values)
    ? values.map((value) => JSON.stringify(value)).join(' | ')
    : 'const' in schema
      ? JSON.stringify(only)
      : typeof type === 'string'
        ? type
        : 'any value'
  const facts = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return facts.length === 0 ? what : `${what} (${facts.join(', ')})`
}
