/** What the generator knows of a type: exactly what a codec needs. */
export type Shape =
  { readonly kind: PrimitiveKind } | { readonly kind: 'typedArray'; readonly name: TypedArrayName } | LiteralsShape | CompositeShape

export interface LiteralsShape {
  readonly kind: 'literals'
  readonly name?: string
  readonly values: readonly Literal[]
  /**
   * Other numbers are valid, too: a numeric enum accepts `Perm.Read | Perm.Write`. It is sent as a
   * number.
   */
  readonly isOpen?: true
}

/**
 * A shape with parts. They are filled in after the shape is known, so that it can contain itself.
 */
export type CompositeShape = ArrayShape | TupleShape | MapShape | SetShape | RecordShape | ObjectShape | UnionShape | InstanceShape

/** A shape with a type and a pair of functions of its own. */
export type NamedShape = CompositeShape | LiteralsShape

/**
 * `buffer`: bytes that arrive as a Buffer. `never`: the type of an optional property that is never
 * present.
 */
export type PrimitiveKind = 'string' | 'number' | 'boolean' | 'bigint' | 'date' | 'bytes' | 'buffer' | 'null' | 'undefined' | 'never'
export type Literal = string | number | boolean

export const TYPED_ARRAYS = [
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const
export type TypedArrayName = (typeof TYPED_ARRAYS)[number]

interface Named {
  /** The user's name of the type; for messages, not unique. */
  readonly name?: string
}
export interface ArrayShape extends Named {
  readonly kind: 'array'
  element: Shape
}
export interface TupleShape extends Named {
  readonly kind: 'tuple'
  /** Elements before the rest element, or all of them if there is none. */
  elements: readonly { readonly shape: Shape; readonly isOptional: boolean }[]
  rest: Shape | undefined
  /** Elements after the rest element. */
  trailing: readonly Shape[]
}
export interface MapShape extends Named {
  readonly kind: 'map'
  key: Shape
  value: Shape
}
export interface SetShape extends Named {
  readonly kind: 'set'
  element: Shape
}
export interface RecordShape extends Named {
  readonly kind: 'record'
  value: Shape
}
export interface ObjectShape extends Named {
  readonly kind: 'object'
  readonly properties: Property[]
}
export interface Property {
  readonly name: string
  readonly shape: Shape
  readonly isOptional: boolean
}
export interface UnionShape extends Named {
  readonly kind: 'union'
  members: readonly Shape[]
}
/** An instance of a class that has a registered codec. */
export interface InstanceShape {
  readonly kind: 'instance'
  readonly name: string
  /** The exported value that `codec(Class, …)` returned. */
  readonly codec: { readonly file: string; readonly name: string }
  plain: Shape
}

/** Placeholder in a composite shape until the part is read. */
export const UNREAD: Shape = { kind: 'undefined' }

/**
 * A text that is equal exactly for equal structures: what both ends of a call must agree on. A
 * shape nested in itself is written as its distance upwards.
 */
export function signatureOf(shape: Shape, above: readonly Shape[] = []): string {
  switch (shape.kind) {
    case 'literals': {
      const values = shape.values.map((value) => JSON.stringify(value)).join('|')
      return shape.isOpen === true ? `number(${values})` : values
    }
    case 'typedArray':
      return shape.name
    case 'array':
    case 'tuple':
    case 'map':
    case 'set':
    case 'record':
    case 'object':
    case 'union':
    case 'instance': {
      const up = above.lastIndexOf(shape)
      return up >= 0 ? `^${above.length - up}` : compositeSignature(shape, [...above, shape])
    }
    default:
      return shape.kind
  }
}

function compositeSignature(shape: CompositeShape, above: readonly Shape[]): string {
  const of = (inner: Shape): string => signatureOf(inner, above)
  const element = (inner: Shape): string => (inner.kind === 'union' || inner.kind === 'literals' ? `(${of(inner)})` : of(inner))
  switch (shape.kind) {
    case 'array':
      return `${element(shape.element)}[]`
    case 'tuple': {
      const rest = shape.rest === undefined ? [] : [`...${element(shape.rest)}[]`]
      return `[${[...shape.elements.map((e) => `${of(e.shape)}${e.isOptional ? '?' : ''}`), ...rest, ...shape.trailing.map(of)].join(', ')}]`
    }
    case 'map':
      return `Map<${of(shape.key)}, ${of(shape.value)}>`
    case 'set':
      return `Set<${of(shape.element)}>`
    case 'record':
      return `Record<string, ${of(shape.value)}>`
    case 'object':
      return `{ ${shape.properties.map((p) => `${JSON.stringify(p.name)}${p.isOptional ? '?' : ''}: ${of(p.shape)}`).join('; ')} }`
    case 'instance':
      return `${shape.name}(${of(shape.plain)})`
    case 'union':
      return shape.members.map(of).join(' | ')
  }
}

/**
 * The class of a union member's values at run time; two members of the same class need a tag.
 * `undefined`: values of several classes.
 */
export function runtimeClass(shape: Shape): string | undefined {
  switch (shape.kind) {
    case 'literals': {
      const kinds = new Set(shape.values.map((value) => typeof value))
      return kinds.size === 1 ? [...kinds][0] : undefined
    }
    case 'array':
    case 'tuple':
      return 'array'
    case 'record':
    case 'object':
      return 'object'
    case 'typedArray':
      return shape.name
    case 'instance':
      return `instance of ${shape.codec.file} ${shape.codec.name}`
    case 'union':
      return undefined
    default:
      return shape.kind
  }
}

/** The type for messages: the user's name, or its structure. */
export function describeShape(shape: Shape): string {
  if ('name' in shape && shape.name !== undefined) return shape.name
  const shortened = (parts: readonly string[], most: number): readonly string[] =>
    parts.length > most ? [...parts.slice(0, most), `${parts.length - most} more`] : parts
  switch (shape.kind) {
    case 'object':
      return `{ ${shortened(shape.properties.map((p) => p.name), 4).join(', ')} }` // prettier-ignore
    case 'literals':
      return shortened(shape.values.map((value) => JSON.stringify(value)), 8).join(' | ') // prettier-ignore
    case 'array':
      return `${/^\w+$/.test(describeShape(shape.element)) ? describeShape(shape.element) : `(${describeShape(shape.element)})`}[]`
    case 'map':
      return `Map<${describeShape(shape.key)}, ${describeShape(shape.value)}>`
    case 'set':
      return `Set<${describeShape(shape.element)}>`
    case 'record':
      return `Record<string, ${describeShape(shape.value)}>`
    case 'union':
      return shortened(shape.members.map(describeShape), 6).join(' | ')
    case 'tuple':
      return `a tuple of ${shape.elements.length + (shape.rest === undefined ? 0 : 1) + shape.trailing.length}`
    case 'bytes':
      return 'Uint8Array'
    case 'buffer':
      return 'Buffer'
    case 'date':
      return 'Date'
    default:
      return shape.kind
  }
}

/** The property whose literals distinguish the objects of a union, with each object's literals. */
export function findTag(
  objects: readonly ObjectShape[],
): { readonly name: string; readonly values: readonly (readonly Literal[])[] } | undefined {
  for (const { name } of objects[0]?.properties ?? []) {
    const values = objects.map((object) => {
      const property = object.properties.find((p) => p.name === name)
      return property !== undefined && !property.isOptional && property.shape.kind === 'literals' ? property.shape.values : []
    })
    const all = values.flat()
    if (values.every((of) => of.length > 0) && new Set(all).size === all.length) return { name, values }
  }
  return undefined
}

/** Whether all values of a shape are encoded as nothing. */
export function takesNoBytes(shape: Shape, above: readonly Shape[] = []): boolean {
  if (above.includes(shape)) return true // no value contains itself without end
  const inside = [...above, shape]
  switch (shape.kind) {
    case 'null':
    case 'undefined':
      return true
    case 'object':
      return shape.properties.every((property) => !property.isOptional && takesNoBytes(property.shape, inside))
    case 'tuple':
      return shape.rest === undefined && shape.elements.every((element) => !element.isOptional && takesNoBytes(element.shape, inside))
    case 'instance':
      return takesNoBytes(shape.plain, inside)
    default:
      return false
  }
}

/** Whether the shape, or a part of it at any depth, is an instance of a class. */
export function hasInstances(shape: Shape, seen: Set<Shape> = new Set()): boolean {
  if (shape.kind === 'instance') return true
  if (seen.has(shape)) return false
  seen.add(shape)
  return partsOf(shape).some((part) => hasInstances(part, seen))
}

function partsOf(shape: Shape): readonly Shape[] {
  switch (shape.kind) {
    case 'array':
    case 'set':
      return [shape.element]
    case 'map':
      return [shape.key, shape.value]
    case 'record':
      return [shape.value]
    case 'tuple':
      return [...shape.elements.map((element) => element.shape), ...(shape.rest === undefined ? [] : [shape.rest]), ...shape.trailing]
    case 'object':
      return shape.properties.map((property) => property.shape)
    case 'union':
      return shape.members
    case 'instance':
      return [shape.plain]
    default:
      return []
  }
}
