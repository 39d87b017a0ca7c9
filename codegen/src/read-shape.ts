import type ts from 'typescript-api'
import type { DiagnosticCode } from './diagnostics.js'
import { findTag, runtimeClass, type ObjectShape, type Property, type Shape } from './shape.js'

/** Where a type was met, for messages: `Order.items[].price`. */
export interface TypeProblem {
  readonly code: DiagnosticCode
  readonly message: string
}

/**
 * Turns the compiler's types into shapes. One reader serves a whole run: a type that was read is read once, which is also what makes recursive types end.
 */
export class ShapeReader {
  readonly #ts: typeof ts
  readonly #checker: ts.TypeChecker
  readonly #program: ts.Program
  readonly #objects = new Map<ts.Type, ObjectShape>()
  problems: TypeProblem[] = []

  constructor(api: typeof ts, program: ts.Program) {
    this.#ts = api
    this.#program = program
    this.#checker = program.getTypeChecker()
  }

  /** @param path how the type was reached; begins with what a user wrote. */
  read(type: ts.Type, path: string): Shape {
    const { TypeFlags } = this.#ts
    const { flags } = type
    if (flags & (TypeFlags.Any | TypeFlags.Unknown)) return this.#refuse('WVG031', `${path} is ${this.#checker.typeToString(type)}`)
    if (flags & TypeFlags.Never) return this.#refuse('WVG030', `${path} is never: no value of it exists`)
    if (flags & (TypeFlags.Undefined | TypeFlags.Void)) return { kind: 'undefined' }
    if (flags & TypeFlags.Null) return { kind: 'null' }
    if (flags & (TypeFlags.StringLiteral | TypeFlags.NumberLiteral | TypeFlags.BooleanLiteral))
      return { kind: 'literals', values: [this.#literal(type)] }
    if (flags & TypeFlags.Boolean) return { kind: 'boolean' }
    if (type.isUnion()) return this.#union(type, path)
    if (flags & (TypeFlags.String | TypeFlags.TemplateLiteral | TypeFlags.StringMapping)) return { kind: 'string' }
    if (flags & TypeFlags.Number) return { kind: 'number' }
    if (flags & (TypeFlags.BigInt | TypeFlags.BigIntLiteral)) return { kind: 'bigint' }
    if (flags & (TypeFlags.ESSymbol | TypeFlags.UniqueESSymbol)) return this.#refuse('WVG030', `${path} is a symbol`)
    if (flags & TypeFlags.TypeParameter)
      return this.#refuse('WVG031', `${path} is the type parameter ${this.#checker.typeToString(type)}, which nothing fixes`)
    if (flags & (TypeFlags.Object | TypeFlags.Intersection)) return this.#object(type, path)
    return this.#refuse('WVG030', `${path} is ${this.#checker.typeToString(type)}`)
  }

  #refuse(code: DiagnosticCode, message: string): Shape {
    this.problems.push({ code, message })
    return { kind: 'undefined' }
  }

  #literal(type: ts.Type): string | number | boolean {
    if (type.isStringLiteral() || type.isNumberLiteral()) return type.value
    return this.#checker.typeToString(type) === 'true'
  }

  /** The name of a type of the standard library, or `undefined`; a user's own `Map` is none. */
  #libraryName(type: ts.Type): string | undefined {
    const symbol = type.getSymbol()
    const file = symbol?.declarations?.[0]?.getSourceFile()
    if (symbol === undefined || file === undefined) return undefined
    const isLibrary = this.#program.isSourceFileDefaultLibrary(file) || /\/@types\/node\//.test(file.fileName)
    return isLibrary ? symbol.name : undefined
  }

  #object(type: ts.Type, path: string): Shape {
    const checker = this.#checker
    if (checker.isTupleType(type)) return this.#tuple(type as ts.TupleTypeReference, path)
    if (checker.isArrayType(type)) return { kind: 'array', element: this.read(this.#argument(type, 0), `${path}[]`) }
    const library = this.#libraryName(type)
    switch (library) {
      case 'Date':
        return { kind: 'date' }
      case 'Uint8Array':
      case 'Buffer':
        return { kind: 'bytes' }
      case 'Map':
      case 'ReadonlyMap':
        return {
          kind: 'map',
          key: this.read(this.#argument(type, 0), `the key of ${path}`),
          value: this.read(this.#argument(type, 1), `${path}.get()`),
        }
      case 'Set':
      case 'ReadonlySet':
        return { kind: 'set', element: this.read(this.#argument(type, 0), `${path}.values()`) }
      case undefined:
      case '__type':
        break
      default:
        if (!['Record', 'Partial', 'Pick', 'Omit', 'Readonly', 'Required'].includes(library))
          return this.#refuse('WVG030', `${path} is a ${library}`)
    }
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0)
      return this.#refuse('WVG030', `${path} is a function`)
    if (type.isClass() || (type.getSymbol()?.flags ?? 0) & this.#ts.SymbolFlags.Class)
      return this.#refuse('WVG032', `${path} is an instance of class ${type.getSymbol()?.name ?? ''}`)
    const known = this.#objects.get(type)
    if (known !== undefined) return known
    const properties = checker.getPropertiesOfType(type)
    const index = checker.getIndexInfoOfType(type, this.#ts.IndexKind.String)
    if (index !== undefined) {
      if (properties.length > 0)
        return this.#refuse('WVG034', `${path} has an index signature and the properties ${properties.map((p) => p.name).join(', ')}`)
      return { kind: 'record', value: this.read(index.type, `${path}[key]`) }
    }
    const name = type.aliasSymbol?.name ?? type.getSymbol()?.name ?? ''
    const shape: ObjectShape = {
      kind: 'object',
      name: /^[A-Za-z_$][\w$]*$/.test(name) && !name.startsWith('__') ? name : 'Value',
      properties: [],
    }
    this.#objects.set(type, shape) // before descending: a recursive type meets itself here
    for (const property of properties) shape.properties.push(this.#property(property, path))
    return shape
  }

  #property(property: ts.Symbol, path: string): Property {
    const isOptional = (property.flags & this.#ts.SymbolFlags.Optional) !== 0
    const inner = `${path}.${property.name}`
    const full = this.#checker.getTypeOfSymbol(property)
    // Absent is told by the flag; the `undefined` that the compiler adds to an optional property is not a value of its own.
    const type = isOptional ? this.#withoutUndefined(full) : full
    if (property.name === '__proto__')
      return { name: property.name, shape: this.#refuse('WVG030', `${inner} cannot be a property of plain data`), isOptional }
    return { name: property.name, shape: this.read(type, inner), isOptional }
  }

  #withoutUndefined(type: ts.Type): ts.Type {
    return type.isUnion() ? (this.#checker.getNonNullableType(type) === type ? type : this.#dropUndefined(type)) : type
  }

  /** `getNonNullableType` would drop null as well. */
  #dropUndefined(type: ts.UnionType): ts.Type {
    const hasNull = type.types.some((member) => member.flags & this.#ts.TypeFlags.Null)
    return hasNull ? type : this.#checker.getNonNullableType(type)
  }

  #argument(type: ts.Type, index: number): ts.Type {
    return this.#checker.getTypeArguments(type as ts.TypeReference)[index] ?? this.#checker.getAnyType() // arrays, maps and sets are references
  }

  #tuple(type: ts.TupleTypeReference, path: string): Shape {
    const { ElementFlags } = this.#ts
    const flags = type.target.elementFlags
    if (flags.some((flag) => flag & (ElementFlags.Rest | ElementFlags.Variadic)))
      return this.#refuse('WVG030', `${path} is a tuple with a rest element`)
    const elements = this.#checker.getTypeArguments(type).map((element, i) => {
      const isOptional = ((flags[i] ?? 0) & ElementFlags.Optional) !== 0
      return { shape: this.read(isOptional ? this.#withoutUndefined(element) : element, `${path}[${i}]`), isOptional }
    })
    return { kind: 'tuple', elements }
  }

  #union(type: ts.UnionType, path: string): Shape {
    const { TypeFlags } = this.#ts
    const literals: (string | number | boolean)[] = []
    const members: Shape[] = []
    for (const member of type.types) {
      if (member.flags & (TypeFlags.StringLiteral | TypeFlags.NumberLiteral | TypeFlags.BooleanLiteral))
        literals.push(this.#literal(member))
      else if (!(member.flags & TypeFlags.Undefined && type.types.some((t) => t !== member && t.flags & TypeFlags.Undefined)))
        members.push(this.read(member, path))
    }
    // The compiler orders a union by when it met its members, which may change from run to run.
    const groups = (['string', 'number', 'boolean'] as const).map((kind) => literals.filter((value) => typeof value === kind).sort())
    for (const values of groups) {
      if (values.length === 2 && typeof values[0] === 'boolean') members.push({ kind: 'boolean' })
      else if (values.length > 0) members.push({ kind: 'literals', values })
    }
    const [only] = members
    if (members.length === 1 && only !== undefined) return only
    return this.#distinguishable(members, path)
  }

  #distinguishable(members: readonly Shape[], path: string): Shape {
    const objects = members.filter((member) => member.kind === 'object')
    const others = members.filter((member) => member.kind !== 'object')
    const classes = [...others.map(runtimeClass), ...(objects.length > 0 ? (['object'] as const) : [])]
    if (new Set(classes).size !== classes.length)
      return this.#refuse('WVG033', `${path} is a union of which two members look alike at run time`)
    if (objects.length > 1 && findTag(objects) === undefined)
      return this.#refuse('WVG033', `${path} is a union of ${objects.map((o) => o.name).join(', ')}, which have no common literal property`)
    const rank = (shape: Shape): string => `${runtimeClass(shape) ?? ''}`
    const tag = findTag(objects)
    const sorted =
      tag === undefined
        ? objects
        : objects
            .map((object, i) => ({ object, value: String(tag.values[i]) }))
            .sort((a, b) => (a.value < b.value ? -1 : 1))
            .map(({ object }) => object)
    return { kind: 'union', members: [...others.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)), ...sorted] }
  }
}
