/**
 * The parts of an untyped value that can be sent to another process: of an error's fields, or of a
 * thrown value. It is a copy without cycles, functions, symbols and throwing getters. Only such a
 * branch is omitted, never the value around it.
 */
import { isDate, isMap, isNativeError, isSet, isUint8Array } from 'node:util/types'

/** The depth of `writeAny`, minus the levels of a field itself. */
const MAX_DEPTH = 30
/** An object of a library may reference half of the heap. */
const MAX_VALUES = 10_000

/** Stands for what cannot be sent. */
export const NOT_SENDABLE: unique symbol = Symbol('not sendable')

/** @returns a copy for `writeAny`, or `NOT_SENDABLE` if no part of it can be sent */
export function sendable(value: unknown): unknown {
  return new Copier().copy(value)
}

/** Reads a property; `NOT_SENDABLE` if its getter throws. */
export function read(from: object, key: string | symbol): unknown {
  try {
    return (from as Readonly<Record<string | symbol, unknown>>)[key]
  } catch {
    return NOT_SENDABLE
  }
}

class Copier {
  readonly #above = new Set<object>()
  #left = MAX_VALUES

  copy(value: unknown): unknown {
    if (this.#left-- <= 0) return NOT_SENDABLE
    if (typeof value === 'function' || typeof value === 'symbol') return NOT_SENDABLE
    if (typeof value !== 'object' || value === null) return value
    if (isDate(value) || isUint8Array(value)) return value
    if (this.#above.has(value) || this.#above.size >= MAX_DEPTH) return NOT_SENDABLE
    this.#above.add(value)
    try {
      return this.#inner(value)
    } catch {
      return NOT_SENDABLE // a proxy may throw anywhere
    } finally {
      this.#above.delete(value)
    }
  }

  #inner(value: object): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#orNull(item))
    if (isMap(value)) {
      const entries = [...value].map(([key, item]) => [this.copy(key), this.copy(item)] as const)
      return new Map(entries.filter((entry) => !entry.includes(NOT_SENDABLE)))
    }
    if (isSet(value)) return new Set([...value].map((item) => this.copy(item)).filter((item) => item !== NOT_SENDABLE))
    if (isLive(value)) return NOT_SENDABLE
    const fields: Record<string, unknown> = {}
    const keys = isNativeError(value) ? new Set(['name', 'message', ...Object.keys(value)]) : Object.keys(value)
    for (const key of keys) {
      const copy = this.copy(read(value, key))
      // A field named `__proto__` is a field, not a prototype.
      if (copy !== NOT_SENDABLE) Object.defineProperty(fields, key, { value: copy, enumerable: true })
    }
    return fields
  }

  /** An item keeps its place, as in JSON. */
  #orNull(item: unknown): unknown {
    const copy = this.copy(item)
    return copy === NOT_SENDABLE ? null : copy
  }
}

/** A socket, a stream or a request: not data, and each references all the others. */
function isLive(value: object): boolean {
  return typeof read(value, 'on') === 'function' && typeof read(value, 'emit') === 'function'
}
