import type ts from 'typescript-api'
import type { DiagnosticCode } from './diagnostics.js'
import type { Exported } from './model.js'
import { firstOf, type TypeProblem } from './type-problem.js'
import { BUILT_INS, nameOf } from './type-names.js'
import { withArticle } from './with-article.js'
import { brandOf, BRAND, isPhantom, isPrivate, isSymbolKeyed, shownName } from './phantom-members.js'
import {
  describeShape,
  findTag,
  runtimeClass,
  TYPED_ARRAYS,
  UNREAD,
  type InstanceShape,
  type Literal,
  type ObjectShape,
  type PrimitiveKind,
  type Shape,
  type TupleShape,
  type TypedArrayName,
  type UnionShape,
} from './shape.js'

/** A class whose instances can be sent. */
export interface ClassCodec {
  readonly exported: Exported
  /** The type that instances are sent as. */
  readonly plain: ts.Type
}

/** A type nested deeper than this is infinite: `interface Box<T> { inner?: Box<T[]> }`. */
const MAX_DEPTH = 60

/**
 * Turns the compiler's types into shapes. One reader serves a whole run. Invariant: a composite
 * type is in `#known` before its parts are read, so recursive types terminate.
 */
export class ShapeReader {
  readonly #ts: typeof ts
  readonly #checker: ts.TypeChecker
  readonly #program: ts.Program
  readonly #codecs: ReadonlyMap<ts.Symbol, ClassCodec>
  readonly #known = new Map<ts.Type, Shape>()
  readonly #way: ts.Node[] = []
  #depth = 0
  #problems: TypeProblem[] = []

  constructor(api: typeof ts, program: ts.Program, codecs: ReadonlyMap<ts.Symbol, ClassCodec>) {
    this.#ts = api
    this.#program = program
    this.#checker = program.getTypeChecker()
    this.#codecs = codecs
  }

  /** @param path what the user wrote; begins each message */
  read(type: ts.Type, path: string): { readonly shape: Shape; readonly problems: readonly TypeProblem[] } {
    this.#problems = []
    const shape = this.#read(type, path)
    return { shape, problems: firstOf(this.#problems, path) }
  }

  #read(type: ts.Type, path: string): Shape {
    if (this.#depth > MAX_DEPTH) return this.#refuse('WVG036', `${path.slice(0, 80)}… grows without end`)
    this.#depth++
    try {
      return this.#readOne(type, path)
    } finally {
      this.#depth--
    }
  }

  #readOne(type: ts.Type, path: string): Shape {
    const { TypeFlags } = this.#ts
    const { flags } = type
    if (flags & (TypeFlags.Any | TypeFlags.Unknown)) {
      const name = this.#checker.typeToString(type)
      return this.#refuse('WVG031', `${path} is ${name}${name === 'any' || name === 'unknown' ? '' : ', which the compiler does not know'}`)
    }
    if (flags & TypeFlags.Never) return this.#refuse('WVG030', `${path} is never: no value of it exists`)
    if (flags & TypeFlags.Boolean) return { kind: 'boolean' }
    if (flags & (TypeFlags.StringLiteral | TypeFlags.NumberLiteral | TypeFlags.BooleanLiteral))
      return { kind: 'literals', values: [this.#literal(type)], ...this.#openness([type]) }
    if (type.isUnion()) return this.#union(type, type.types, path)
    if (flags & (TypeFlags.Undefined | TypeFlags.Void)) return { kind: 'undefined' }
    if (flags & TypeFlags.Null) return { kind: 'null' }
    if (flags & (TypeFlags.String | TypeFlags.TemplateLiteral | TypeFlags.StringMapping)) return { kind: 'string' }
    if (flags & (TypeFlags.Number | TypeFlags.Enum)) return { kind: 'number' }
    if (flags & (TypeFlags.BigInt | TypeFlags.BigIntLiteral)) return { kind: 'bigint' }
    if (flags & TypeFlags.ESSymbolLike) return this.#refuse('WVG030', `${path} is a symbol`)
    if (flags & TypeFlags.TypeParameter)
      return this.#refuse('WVG031', `${path} is the type parameter ${this.#checker.typeToString(type)}, which nothing fixes`)
    if (type.isIntersection()) {
      // The brand of a primitive, `string & { readonly brand: 'Id' }`, does not exist at run time.
      const primitive = type.types.find(
        (part) => part.flags & (TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BigIntLike | TypeFlags.BooleanLike),
      )
      if (primitive !== undefined) return { kind: this.#primitiveKind(primitive) }
      const builtIn = type.types.find((part) => this.#builtInName(part) !== undefined)
      if (builtIn !== undefined) return this.#brandedBuiltIn(type, builtIn, path)
    }
    if (flags & (TypeFlags.Object | TypeFlags.Intersection)) return this.#object(type, path)
    return this.#refuse(
      flags & TypeFlags.NonPrimitive ? 'WVG031' : 'WVG030',
      `${path} is ${this.#checker.typeToString(type)}${flags & TypeFlags.NonPrimitive ? ', which says nothing of its properties' : ''}`,
    )
  }

  #primitiveKind({ flags }: ts.Type): PrimitiveKind {
    const { TypeFlags } = this.#ts
    if (flags & TypeFlags.StringLike) return 'string'
    if (flags & TypeFlags.NumberLike) return 'number'
    return flags & TypeFlags.BigIntLike ? 'bigint' : 'boolean'
  }

  #refuse(code: DiagnosticCode, message: string, type?: ts.Type): Shape {
    this.#problems.push({ code, message, node: this.#way.at(-1), type })
    return UNREAD
  }

  /** A numeric enum accepts any number: `Perm.Read | Perm.Write` is one to the compiler. */
  #openness(types: readonly ts.Type[]): { readonly isOpen?: true } {
    const { EnumLiteral, NumberLiteral } = this.#ts.TypeFlags
    return types.some(({ flags }) => flags & EnumLiteral && flags & NumberLiteral) ? { isOpen: true } : {}
  }

  /** The name of a type whose values are recognised by their class at run time. */
  #builtInName(type: ts.Type): string | undefined {
    if (this.#checker.isTupleType(type)) return 'tuple'
    if (this.#checker.isArrayType(type)) return 'array'
    const name = this.#libraryName(type)
    return name !== undefined && BUILT_INS.has(name) ? name : undefined
  }

  /** `string[] & { readonly [brand]: 'Ids' }` is read as the array. */
  #brandedBuiltIn(type: ts.IntersectionType, builtIn: ts.Type, path: string): Shape {
    const others = type.types.filter((part) => part !== builtIn)
    const data = others.flatMap((part) => this.#checker.getPropertiesOfType(part)).find((property) => !isPhantom(this.#ts, property))
    if (data === undefined && others.every((part) => this.#builtInName(part) === undefined)) return this.#read(builtIn, path)
    return this.#refuse(
      'WVG030',
      `${path} is ${withArticle(this.#builtInName(builtIn) ?? '')} with other properties${data === undefined ? '' : `, such as ${shownName(data)}`}`,
      type,
    )
  }

  #literal(type: ts.Type): Literal {
    if (type.isStringLiteral() || type.isNumberLiteral()) return type.value
    return this.#checker.typeToString(type) === 'true'
  }

  /** The name of a standard library's or Node's type; `undefined` for a user's own `Map`. */
  #libraryName(type: ts.Type): string | undefined {
    const symbol = type.getSymbol()
    const file = symbol?.declarations?.[0]?.getSourceFile()
    if (symbol === undefined || file === undefined) return undefined
    const isLibrary = this.#program.isSourceFileDefaultLibrary(file) || /\/node_modules\/@types\/node\//.test(file.fileName)
    return isLibrary ? symbol.name : undefined
  }

  #object(type: ts.Type, path: string): Shape {
    const known = this.#known.get(type)
    if (known !== undefined) return known
    const checker = this.#checker
    const name = nameOf(type)
    if (checker.isTupleType(type)) return this.#tuple(type as ts.TupleTypeReference, path) // isTupleType says so
    if (checker.isArrayType(type)) {
      const shape = this.#remember(type, { kind: 'array' as const, ...name, element: UNREAD })
      shape.element = this.#read(this.#argument(type, 0), `${path}[]`)
      return shape
    }
    const library = this.#libraryName(type)
    switch (library) {
      case undefined:
      case '__type':
        break
      case 'Date':
        return { kind: 'date' }
      case 'Uint8Array':
        return { kind: 'bytes' }
      case 'Buffer':
        return { kind: 'buffer' }
      case 'Map':
      case 'ReadonlyMap': {
        const shape = this.#remember(type, { kind: 'map' as const, ...name, key: UNREAD, value: UNREAD })
        shape.key = this.#read(this.#argument(type, 0), `${path}.keys()[]`)
        shape.value = this.#read(this.#argument(type, 1), `${path}.values()[]`)
        return shape
      }
      case 'Set':
      case 'ReadonlySet': {
        const shape = this.#remember(type, { kind: 'set' as const, ...name, element: UNREAD })
        shape.element = this.#read(this.#argument(type, 0), `${path}.values()[]`)
        return shape
      }
      case 'AsyncIterable':
      case 'AsyncGenerator':
      case 'AsyncIterableIterator':
        return this.#refuse('WVG025', `${path} is ${withArticle(library)} within data`, type)
      default:
        if ((TYPED_ARRAYS as readonly string[]).includes(library)) return { kind: 'typedArray', name: library as TypedArrayName } // one of them
        return this.#refuse('WVG030', `${path} is ${withArticle(library)}`, type)
    }
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0)
      return this.#refuse('WVG030', `${path} is a function`, type)
    const symbol = type.getSymbol()
    if (symbol !== undefined && symbol.flags & this.#ts.SymbolFlags.Class) return this.#instance(type, symbol, path)
    const base = type.isClassOrInterface() ? checker.getBaseTypes(type).find((found) => this.#isLibraryClass(found)) : undefined
    if (base !== undefined)
      return this.#refuse('WVG030', `${path} is ${withArticle(type.symbol.name)}, which extends ${base.symbol.name}`, type)
    return this.#plainObject(type, path)
  }

  #remember<S extends Shape>(type: ts.Type, shape: S): S {
    this.#known.set(type, shape)
    return shape
  }

  #instance(type: ts.Type, symbol: ts.Symbol, path: string): Shape {
    const codec = this.#codecs.get(symbol)
    if (codec === undefined) return this.#refuse('WVG032', `${path} is an instance of class ${symbol.name}, which has no codec`, type)
    const shape: InstanceShape = this.#remember(type, {
      kind: 'instance' as const,
      name: symbol.name,
      codec: codec.exported,
      plain: UNREAD,
    })
    shape.plain = this.#read(codec.plain, `${path} (as ${codec.exported.name} sends it)`)
    return shape
  }

  #plainObject(type: ts.Type, path: string): Shape {
    const all = this.#checker.getPropertiesOfType(type)
    // A brand keyed by a unique symbol exists for the compiler only.
    const properties = all.filter((property) => !isSymbolKeyed(property) || this.#isMethod(property))
    const indexes = this.#checker.getIndexInfosOfType(type)
    const [index] = indexes
    if (index !== undefined) {
      if (properties.length > 0)
        return this.#refuse('WVG034', `${path} has an index signature and the properties ${properties.map(shownName).join(', ')}`, type)
      if (indexes.length > 1) return this.#refuse('WVG034', `${path} has ${indexes.length} index signatures`, type)
      if (index.keyType.flags & this.#ts.TypeFlags.ESSymbolLike) return this.#refuse('WVG030', `${path} has symbols as keys`, type)
      if (index.type.flags & this.#ts.TypeFlags.Never) return { kind: 'object', name: 'Empty', properties: [] } // Record<string, never>
      const shape = this.#remember(type, { kind: 'record' as const, ...nameOf(type), value: UNREAD })
      shape.value = this.#read(index.type, `${path}[key]`)
      return shape
    }
    if (properties.length === 0)
      return this.#refuse(
        'WVG031',
        all.length > 0 ? `${path} has only symbols as keys` : `${path} is {}, which any value is; the properties would be lost`,
        type,
      )
    const shape: ObjectShape = this.#remember(type, { kind: 'object' as const, ...nameOf(type), properties: [] })
    const brand = type.isIntersection() ? brandOf(this.#ts, type, this.#checker) : properties.find(({ name }) => BRAND.test(name))
    for (const property of properties)
      if (property.name === brand?.name && !(property.flags & this.#ts.SymbolFlags.Optional))
        this.#refuse('WVG056', `${path}.${property.name} is required, and looks like a brand, which no value has`, type)
      else shape.properties.push(this.#property(property, path))
    return shape
  }

  #isMethod(property: ts.Symbol): boolean {
    return this.#checker.getTypeOfSymbol(property).getCallSignatures().length > 0
  }

  /** A class of the language, or a library interface with methods. */
  #isLibraryClass(type: ts.Type): boolean {
    return this.#libraryName(type) !== undefined && type.getProperties().some(({ flags }) => flags & this.#ts.SymbolFlags.Method)
  }

  #property(property: ts.Symbol, path: string): ObjectShape['properties'][number] {
    const isOptional = (property.flags & this.#ts.SymbolFlags.Optional) !== 0
    const inner = `${path}.${shownName(property)}`
    const { name } = property
    const [declaration] = property.declarations ?? []
    if (declaration !== undefined) this.#way.push(declaration)
    try {
      if (isSymbolKeyed(property)) return { name, shape: this.#refuse('WVG030', `${inner} is a method by a symbol`), isOptional }
      // An interface may extend a class; its private members are out of reach of codecs, too.
      if (isPrivate(this.#ts, property))
        return { name, shape: this.#refuse('WVG032', `${inner} is a private member of a class`), isOptional }
      if (name === '__proto__') return { name, shape: this.#refuse('WVG030', `${inner} cannot be a property of plain data`), isOptional }
      const type = this.#checker.getTypeOfSymbol(property)
      if (isOptional && type.flags & this.#ts.TypeFlags.Never) return { name, shape: { kind: 'never' }, isOptional }
      // A flag marks absence; the `undefined` that the compiler adds to an optional property is not
      // a value.
      return { name, shape: this.#readPart(type, inner, isOptional), isOptional }
    } finally {
      if (declaration !== undefined) this.#way.pop()
    }
  }

  /** Reads the type of a property, without `undefined` if the property is optional. */
  #readPart(type: ts.Type, path: string, isOptional: boolean): Shape {
    if (!isOptional || !type.isUnion()) return this.#read(type, path)
    return this.#union(
      undefined,
      type.types.filter((member) => !(member.flags & this.#ts.TypeFlags.Undefined)),
      path,
    )
  }

  #argument(type: ts.Type, index: number): ts.Type {
    return this.#checker.getTypeArguments(type as ts.TypeReference)[index] ?? this.#checker.getAnyType() // arrays, maps and sets are references
  }

  #tuple(type: ts.TupleTypeReference, path: string): Shape {
    const { ElementFlags } = this.#ts
    const flags = type.target.elementFlags
    const shape: TupleShape = this.#remember(type, {
      kind: 'tuple' as const,
      ...nameOf(type),
      elements: [],
      rest: undefined,
      trailing: [],
    })
    const parts = this.#checker.getTypeArguments(type).map((element, i) => {
      const flag = flags[i] ?? ElementFlags.Required
      const isOptional = (flag & ElementFlags.Optional) !== 0
      const isRest = (flag & ElementFlags.Variable) !== 0
      // An element that is present may still be `undefined`; the length marks absence.
      return { shape: this.#read(element, isRest ? `${path}[]` : `${path}[${i}]`), isOptional, isRest }
    })
    const rest = parts.findIndex((part) => part.isRest)
    shape.elements = (rest < 0 ? parts : parts.slice(0, rest)).map(({ shape, isOptional }) => ({ shape, isOptional }))
    if (rest >= 0) {
      shape.rest = parts[rest]?.shape
      shape.trailing = parts.slice(rest + 1).map((part) => part.shape)
    }
    return shape
  }

  /**
   * @param type the key under which it is remembered; `undefined` if the compiler has no such type
   */
  #union(type: ts.UnionType | undefined, types: readonly ts.Type[], path: string): Shape {
    const known = type === undefined ? undefined : this.#known.get(type)
    if (known !== undefined) return known
    const { TypeFlags } = this.#ts
    const isLiteral = (member: ts.Type): boolean =>
      (member.flags & (TypeFlags.StringLiteral | TypeFlags.NumberLiteral | TypeFlags.BooleanLiteral)) !== 0
    const literals = types.filter(isLiteral).map((member) => this.#literal(member))
    const openness = this.#openness(types)
    const name = type === undefined ? {} : nameOf(type)
    // The compiler orders a union by when it met the members, which may vary between runs.
    const fromLiterals = (['string', 'number', 'boolean'] as const).flatMap((kind): Shape[] => {
      const values = [...new Set(literals.filter((value) => typeof value === kind))].sort((a, b) =>
        typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
      )
      if (values.length === 2 && kind === 'boolean') return [{ kind: 'boolean' }]
      return values.length === 0 ? [] : [{ kind: 'literals', ...name, values, ...(kind === 'number' ? openness : {}) }]
    })
    const others = types.filter((member) => !isLiteral(member))
    const [only] = fromLiterals
    const [single] = others
    if (others.length === 0 && fromLiterals.length === 1 && only !== undefined) return only
    if (others.length === 1 && fromLiterals.length === 0 && single !== undefined) return this.#read(single, path)
    const shape: UnionShape = { kind: 'union', ...name, members: [] }
    if (type !== undefined) this.#known.set(type, shape)
    const members = this.#merged([...others.map((member) => this.#read(member, path)), ...fromLiterals])
    const [merged] = members
    if (members.length === 1 && merged !== undefined) {
      if (type !== undefined) this.#known.set(type, merged)
      return merged
    }
    shape.members = this.#distinguishable(members, path)
    return shape
  }

  /** A primitive covers its literals, and two types that are one at run time become one member. */
  #merged(members: readonly Shape[]): readonly Shape[] {
    const kinds = new Set(members.map((member) => member.kind))
    const primitives = new Set<string>()
    return members.filter((member) => {
      if (member.kind === 'literals') return !kinds.has(runtimeClass(member) as Shape['kind']) // the literals of one class: its name is a kind
      if (!['string', 'number', 'boolean', 'bigint', 'date', 'bytes', 'buffer', 'null', 'undefined'].includes(member.kind)) return true
      if (primitives.has(member.kind)) return false
      primitives.add(member.kind)
      return true
    })
  }

  /** Orders members independently of the compiler: by class, objects last and by their tag. */
  #distinguishable(members: readonly Shape[], path: string): readonly Shape[] {
    const objects = members.filter((member) => member.kind === 'object')
    const others = members.filter((member) => member.kind !== 'object')
    const classes = [...others.map(runtimeClass), ...(objects.length > 0 ? ['object'] : [])]
    const tag = findTag(objects)
    if (new Set(classes).size !== classes.length) {
      const twin = members.find((member, i) => members.slice(0, i).some((other) => runtimeClass(other) === runtimeClass(member)))
      const alike = members.filter((member) => twin !== undefined && runtimeClass(member) === runtimeClass(twin))
      this.#refuse('WVG033', `${path} is a union of ${alike.map(describeShape).join(' and ')}, which look alike at run time`)
    } else if (objects.length > 1 && tag === undefined)
      this.#refuse('WVG033', `${path} is a union of ${objects.map(describeShape).join(' and ')}, which have no common literal property`)
    const rank = (shape: Shape): string => runtimeClass(shape) ?? ''
    const byTag = objects.map((object, i) => ({ object, value: String(tag?.values[i]?.[0]) })).sort((a, b) => (a.value < b.value ? -1 : 1))
    return [...others.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)), ...byTag.map(({ object }) => object)]
  }
}
