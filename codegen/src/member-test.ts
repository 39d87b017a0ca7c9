/** How the writer of a union finds the member that a value belongs to. */
import type { CodecParts } from './codec-parts.js'
import { runtimeClass, type Shape } from './shape.js'

/**
 * How a value of a member is recognised: never a built-in class by instanceof, a process may have
 * several realms.
 */
export function memberTest(part: Shape, parts: CodecParts): string {
  switch (part.kind) {
    case 'date':
      parts.imports.add('isDate')
      return 'isDate(v)'
    case 'buffer':
      parts.imports.add('isBuffer')
      return 'isBuffer(v)'
    case 'bytes':
      parts.imports.add('isUint8Array')
      return 'isUint8Array(v)'
    case 'map':
      parts.imports.add('isMap')
      return 'isMap(v)'
    case 'set':
      parts.imports.add('isSet')
      return 'isSet(v)'
    case 'typedArray':
      return `Object.prototype.toString.call(v) === '[object ${part.name}]'`
    case 'instance':
      return `${parts.importOf(part.codec)}.isInstance(v)`
    case 'array':
    case 'tuple':
      return 'Array.isArray(v)'
    case 'record':
    case 'object':
      parts.imports.add('isPlainObject')
      return `typeof v === 'object' && v !== null && isPlainObject(v)`
    case 'null':
    case 'undefined':
      return `v === ${part.kind}`
    default:
      return `typeof v === '${runtimeClass(part) ?? 'object'}'`
  }
}

export function narrowed(part: Shape, parts: CodecParts): string {
  if (NARROWED.has(part.kind)) return 'v'
  return part.kind === 'tuple' || part.kind === 'instance' ? `v as unknown as ${parts.type(part)}` : `v as ${parts.type(part)}`
}

/** Kinds that the test narrows to by itself. */
const NARROWED = new Set<Shape['kind']>(['string', 'number', 'boolean', 'bigint', 'null', 'undefined'])
