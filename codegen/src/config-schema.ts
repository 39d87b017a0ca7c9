import type ts from 'typescript-api'
import type { SourceReader } from './source-reader.js'

type JsonSchema = Readonly<Record<string, unknown>>

/**
 * JSON Schema of what a component's `config(schema)` accepts, from the type alone (its `z.input`):
 * names, types, what is optional. A type has neither bounds nor defaults; a build that may run the
 * code can add them.
 */
export function configSchema(
  reader: SourceReader,
  schema: ts.Expression,
): { readonly schema: JsonSchema; readonly problems: readonly string[] } {
  const { checker } = reader
  const type = checker.getTypeAtLocation(schema)
  const property = (of: ts.Type | undefined, name: string): ts.Type | undefined => {
    const symbol = of?.getProperty(name)
    return symbol === undefined ? undefined : checker.getTypeOfSymbolAtLocation(symbol, schema)
  }
  const parsed = property(type, 'parse')?.getCallSignatures()[0]
  const input = property(property(type, '_zod'), 'input') ?? (parsed === undefined ? undefined : checker.getReturnTypeOfSignature(parsed))
  const problems: string[] = []
  return {
    schema: input === undefined ? {} : toSchema(reader.ts, { reader, checker, at: schema, above: [], path: '', problems }, input),
    problems,
  }
}

interface Walk {
  readonly reader: SourceReader
  readonly checker: ts.TypeChecker
  readonly at: ts.Node
  readonly above: readonly ts.Type[]
  /** Path of the value, such as `limits.from`. */
  readonly path: string
  /** Collects what a configuration file cannot express, one line each. */
  readonly problems: string[]
}

const NOT_JSON = new Set(['Date', 'Map', 'ReadonlyMap', 'Set', 'ReadonlySet', 'Uint8Array'])

/** The name of the library type; `undefined` for a user's own `Map`. */
function libraryName({ program }: SourceReader, type: ts.Type): string | undefined {
  const symbol = type.getSymbol()
  const file = symbol?.declarations?.[0]?.getSourceFile()
  if (symbol === undefined || file === undefined || !NOT_JSON.has(symbol.name)) return undefined
  return program.isSourceFileDefaultLibrary(file) ? symbol.name : undefined
}

function toSchema(api: typeof ts, walk: Walk, type: ts.Type): JsonSchema {
  const { TypeFlags } = api
  const { checker, above } = walk
  if (above.includes(type) || above.length > 20) return {}
  const inner = { ...walk, above: [...above, type] }
  const below = (key: string): Walk => ({ ...inner, path: walk.path === '' ? key : `${walk.path}.${key}` })
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value }
  if (type.flags & TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === 'true' }
  if (type.flags & TypeFlags.Boolean) return { type: 'boolean' }
  if (type.flags & (TypeFlags.String | TypeFlags.TemplateLiteral)) return { type: 'string' }
  if (type.flags & TypeFlags.Number) return { type: 'number' }
  if (type.flags & TypeFlags.Null) return { type: 'null' }
  const name = type.flags & TypeFlags.BigIntLike ? 'bigint' : libraryName(walk.reader, type)
  if (name !== undefined) {
    walk.problems.push(`${walk.path === '' ? 'is' : `"${walk.path}" is`} a ${name}`)
    return {}
  }
  if (type.isUnion()) {
    const members = type.types.filter((member) => !(member.flags & TypeFlags.Undefined))
    const schemas = members.map((member) => toSchema(api, inner, member))
    if (schemas.every((s) => 'const' in s)) {
      const values = schemas.map((s) => s['const']).sort()
      return values.length === 2 && values.every((v) => typeof v === 'boolean') ? { type: 'boolean' } : { enum: values }
    }
    const booleans = schemas.filter((s) => typeof s['const'] === 'boolean').length
    const rest = booleans === 2 ? [...schemas.filter((s) => typeof s['const'] !== 'boolean'), { type: 'boolean' }] : schemas
    const [only] = rest
    return rest.length === 1 && only !== undefined ? only : { anyOf: rest }
  }
  if (checker.isArrayType(type))
    return { type: 'array', items: toSchema(api, inner, checker.getTypeArguments(type as ts.TypeReference)[0] ?? checker.getAnyType()) }
  if (checker.isTupleType(type)) return { type: 'array' }
  if (!(type.flags & (TypeFlags.Object | TypeFlags.Intersection)) || type.getCallSignatures().length > 0) return {}
  const properties: Record<string, JsonSchema> = {}
  const required: string[] = []
  for (const symbol of checker.getPropertiesOfType(type)) {
    const found = checker.getTypeOfSymbolAtLocation(symbol, walk.at)
    const isOptional =
      (symbol.flags & api.SymbolFlags.Optional) !== 0 ||
      (found.isUnion() && found.types.some((t) => t.flags & TypeFlags.Undefined)) ||
      (found.flags & (TypeFlags.Any | TypeFlags.Unknown)) !== 0
    properties[symbol.name] = toSchema(api, below(symbol.name), found)
    if (!isOptional) required.push(symbol.name)
  }
  const index = checker.getIndexInfoOfType(type, api.IndexKind.String)
  return {
    type: 'object',
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required: required.sort() }),
    ...(index === undefined ? {} : { additionalProperties: toSchema(api, below('*'), index.type) }),
  }
}
