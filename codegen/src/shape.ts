/** What the generator knows of a type: exactly as much as a codec needs. */
export type Shape =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'bigint' | 'date' | 'bytes' | 'null' | 'undefined' }
  | { readonly kind: 'literals'; readonly values: readonly (string | number | boolean)[] }
  | { readonly kind: 'array'; readonly element: Shape }
  | { readonly kind: 'tuple'; readonly elements: readonly { readonly shape: Shape; readonly isOptional: boolean }[] }
  | { readonly kind: 'map'; readonly key: Shape; readonly value: Shape }
  | { readonly kind: 'set'; readonly element: Shape }
  | { readonly kind: 'record'; readonly value: Shape }
  | ObjectShape
  | { readonly kind: 'union'; readonly members: readonly Shape[] }

/** The only shape that may contain itself: its properties are filled in after it is known. */
export interface ObjectShape {
  readonly kind: 'object'
  /** For people; not unique. */
  readonly name: string
  readonly properties: Property[]
}
export interface Property {
  readonly name: string
  readonly shape: Shape
  readonly isOptional: boolean
}

/**
 * A text that is equal for equal structures and different for others: what both ends of a call must agree on. An object within itself is told by how far up
 * it stands.
 */
export function signatureOf(shape: Shape, above: readonly ObjectShape[] = []): string {
  const of = (inner: Shape): string => signatureOf(inner, above)
  switch (shape.kind) {
    case 'literals':
      return shape.values.map((value) => JSON.stringify(value)).join('|')
    case 'array':
      return `${parenthesised(shape.element, of)}[]`
    case 'tuple':
      return `[${shape.elements.map((element) => `${of(element.shape)}${element.isOptional ? '?' : ''}`).join(', ')}]`
    case 'map':
      return `Map<${of(shape.key)}, ${of(shape.value)}>`
    case 'set':
      return `Set<${of(shape.element)}>`
    case 'record':
      return `Record<string, ${of(shape.value)}>`
    case 'object': {
      const up = above.lastIndexOf(shape)
      if (up >= 0) return `^${above.length - up}`
      const within = [...above, shape]
      return `{ ${shape.properties.map((p) => `${JSON.stringify(p.name)}${p.isOptional ? '?' : ''}: ${signatureOf(p.shape, within)}`).join('; ')} }`
    }
    case 'union':
      return shape.members.map(of).join(' | ')
    default:
      return shape.kind
  }
}

function parenthesised(shape: Shape, of: (shape: Shape) => string): string {
  return shape.kind === 'union' || shape.kind === 'literals' ? `(${of(shape)})` : of(shape)
}

/** Which values a member of a union has at run time; two members of one class cannot be told apart without a tag. */
export type RuntimeClass =
  'string' | 'number' | 'boolean' | 'bigint' | 'null' | 'undefined' | 'date' | 'bytes' | 'array' | 'map' | 'set' | 'object'

export function runtimeClass(shape: Shape): RuntimeClass | undefined {
  switch (shape.kind) {
    case 'literals': {
      const kinds = new Set(shape.values.map((value) => typeof value))
      return kinds.size === 1 ? ([...kinds][0] as 'string' | 'number' | 'boolean') : undefined // typeof of the three literal types
    }
    case 'array':
    case 'tuple':
      return 'array'
    case 'record':
    case 'object':
      return 'object'
    case 'union':
      return undefined
    default:
      return shape.kind
  }
}

/** The property whose literal tells the objects of a union apart, with the literal of each. */
export function findTag(
  objects: readonly ObjectShape[],
): { readonly name: string; readonly values: readonly (string | number | boolean)[] } | undefined {
  for (const { name } of objects[0]?.properties ?? []) {
    const values = objects.map((object) => {
      const property = object.properties.find((p) => p.name === name)
      return property !== undefined && !property.isOptional && property.shape.kind === 'literals' && property.shape.values.length === 1
        ? property.shape.values[0]
        : undefined
    })
    if (values.every((value) => value !== undefined) && new Set(values).size === values.length) return { name, values }
  }
  return undefined
}
