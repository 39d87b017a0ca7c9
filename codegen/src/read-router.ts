import type ts from 'typescript-api'
import type { InterfaceSource } from './interface-source.js'
import type { SourceReader } from './source-reader.js'

/**
 * Checks the key functions of a component: they take their method's parameters, and all return keys
 * of one type.
 */
export function readRouter(reader: SourceReader, router: ts.Expression, of: InterfaceSource): void {
  const { checker, ts } = reader
  if (!ts.isObjectLiteralExpression(router)) return // reported by the reader of its names
  if (router.properties.length === 0) return reader.report('WVG026', `the router of component "${of.name}" names no method`, router)
  const keys: { readonly method: string; readonly type: string; readonly node: ts.Node }[] = []
  for (const property of checker.getPropertiesOfType(checker.getTypeAtLocation(router))) {
    const node = property.valueDeclaration ?? router
    const what = `the key function of "${of.name}.${property.name}"`
    const signatures = checker.getTypeOfSymbolAtLocation(property, router).getCallSignatures()
    const [signature] = signatures
    if (signature === undefined || signatures.length > 1) {
      reader.report('WVG027', `${what} is not one function`, node)
      continue
    }
    const method = checker.getPropertyOfType(of.type, property.name)
    const called = method === undefined ? undefined : checker.getTypeOfSymbolAtLocation(method, of.typeNode).getCallSignatures()[0]
    if (called === undefined) continue // no such method: already reported
    const given = called.getParameters()
    signature.getParameters().forEach((parameter, i) => {
      const argument = given[i]
      const wanted = checker.getTypeOfSymbolAtLocation(parameter, router)
      if (argument === undefined || !checker.isTypeAssignableTo(checker.getTypeOfSymbolAtLocation(argument, of.typeNode), wanted))
        reader.report('WVG029', `${what} takes ${checker.typeToString(wanted)} as argument ${i + 1}, the method does not`, node)
    })
    const key = checker.getBaseTypeOfLiteralType(signature.getReturnType())
    if (!isKey(reader, key, router)) reader.report('WVG027', `${what} returns ${checker.typeToString(key)}`, node)
    else keys.push({ method: property.name, type: checker.typeToString(checker.getWidenedType(key)), node })
  }
  const [first] = keys
  for (const { method, type, node } of keys)
    if (first !== undefined && type !== first.type)
      reader.report('WVG028', `"${of.name}.${method}" is routed by ${type}, "${of.name}.${first.method}" by ${first.type}`, node)
}

/** Strings, numbers, bigints, and lists and objects of these. */
function isKey(reader: SourceReader, type: ts.Type, at: ts.Node, depth: number = 0): boolean {
  const { checker, ts } = reader
  const { TypeFlags } = ts
  const inner = (part: ts.Type): boolean => depth < 16 && isKey(reader, part, at, depth + 1)
  if (type.flags & (TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BigIntLike)) return true
  if (type.isUnion()) return type.types.every(inner)
  if (checker.isArrayType(type) || checker.isTupleType(type)) return checker.getTypeArguments(type as ts.TypeReference).every(inner) // the two tests say so
  if (type.isIntersection() && type.types.some((part) => part.flags & TypeFlags.StringLike)) return true
  if (!(type.flags & (TypeFlags.Object | TypeFlags.Intersection)) || type.getCallSignatures().length > 0) return false
  const properties = checker.getPropertiesOfType(type)
  return (
    properties.length > 0 &&
    properties.every((property) => {
      const of = checker.getTypeOfSymbolAtLocation(property, at)
      return inner(property.flags & ts.SymbolFlags.Optional ? checker.getNonNullableType(of) : of)
    })
  )
}
