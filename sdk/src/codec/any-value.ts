/**
 * Values of unknown type, each preceded by a tag: the fields of an error, or a thrown value that is
 * not an error. All other values are written by generated code, which needs no tags.
 */
import { isDate, isMap, isNativeError, isSet, isUint8Array } from 'node:util/types'
import { codecError } from './codec-error.js'
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

const TAG = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  string: 5,
  bigint: 6,
  date: 7,
  bytes: 8,
  array: 9,
  map: 10,
  set: 11,
  object: 12,
} as const
/** Deeper than any value written by hand; ends a cycle. */
const MAX_DEPTH = 32

/**
 * Writes plain values, `Date`, `bigint`, `Map`, `Set`, `Uint8Array`, and lists and objects of them;
 * of an instance of a class, its own enumerable fields. Functions and symbols among the fields of
 * an object are omitted, as in JSON.
 * @throws WeaverError `WEAVER_CODEC_INVALID` for a function or symbol elsewhere, or for more than
 * 32 levels: a cycle
 */
export function writeAny(w: Writer, value: unknown, depth: number = 0): void {
  if (depth > MAX_DEPTH) throw codecError(`a value of more than ${MAX_DEPTH} levels, or a circle`)
  switch (typeof value) {
    case 'undefined':
      return w.u8(TAG.undefined)
    case 'boolean':
      return w.u8(value ? TAG.true : TAG.false)
    case 'number':
      w.u8(TAG.number)
      return w.number(value)
    case 'string':
      w.u8(TAG.string)
      return w.string(value)
    case 'bigint':
      w.u8(TAG.bigint)
      return w.bigint(value)
    case 'object':
      return value === null ? w.u8(TAG.null) : writeObject(w, value, depth + 1)
    default:
      throw codecError(`a ${typeof value} cannot be sent`)
  }
}

function writeObject(w: Writer, value: object, depth: number): void {
  if (isDate(value)) {
    w.u8(TAG.date)
    return w.date(value)
  }
  if (isUint8Array(value)) {
    w.u8(TAG.bytes)
    return w.bytes(value)
  }
  if (Array.isArray(value)) {
    w.u8(TAG.array)
    w.length(value.length)
    for (const item of value) writeAny(w, item, depth)
  } else if (isMap(value)) {
    w.u8(TAG.map)
    w.length(value.size)
    for (const [key, item] of value) {
      writeAny(w, key, depth)
      writeAny(w, item, depth)
    }
  } else if (isSet(value)) {
    w.u8(TAG.set)
    w.length(value.size)
    for (const item of value) writeAny(w, item, depth)
  } else writeFields(w, value, depth)
}

function writeFields(w: Writer, value: object, depth: number): void {
  const own = isNativeError(value) ? { ...value, name: value.name, message: value.message } : value
  const fields = Object.entries(own).filter(([, item]) => typeof item !== 'function' && typeof item !== 'symbol')
  w.u8(TAG.object)
  w.length(fields.length)
  for (const [key, item] of fields) {
    w.string(key)
    writeAny(w, item, depth)
  }
}

/** @throws WeaverError `WEAVER_CODEC_INVALID` for bytes that `writeAny` did not write */
export function readAny(r: Reader, depth: number = 0): unknown {
  if (depth > MAX_DEPTH + 1) throw codecError(`a value of more than ${MAX_DEPTH} levels`)
  const tag = r.u8()
  switch (tag) {
    case TAG.undefined:
      return undefined
    case TAG.null:
      return null
    case TAG.false:
      return false
    case TAG.true:
      return true
    case TAG.number:
      return r.number()
    case TAG.string:
      return r.string()
    case TAG.bigint:
      return r.bigint()
    case TAG.date:
      return r.date()
    case TAG.bytes:
      return r.bytes()
    case TAG.array: {
      const items: unknown[] = []
      for (let left = r.length(); left > 0; left--) items.push(readAny(r, depth + 1))
      return items
    }
    case TAG.map: {
      const items = new Map<unknown, unknown>()
      for (let left = r.length(); left > 0; left--) {
        const key = readAny(r, depth + 1)
        items.set(key, readAny(r, depth + 1))
      }
      return items
    }
    case TAG.set: {
      const items = new Set<unknown>()
      for (let left = r.length(); left > 0; left--) items.add(readAny(r, depth + 1))
      return items
    }
    case TAG.object: {
      const fields: Record<string, unknown> = {}
      for (let left = r.length(); left > 0; left--) {
        const key = r.string()
        // A field of this name is a field, not a prototype.
        Object.defineProperty(fields, key, { value: readAny(r, depth + 1), configurable: true, writable: true, enumerable: true })
      }
      return fields
    }
    default:
      throw codecError(`no kind of value has the tag ${tag}; the bytes are not what this release wrote`)
  }
}
