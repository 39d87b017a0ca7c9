/**
 * Finds the place in a value that a codec rejected. Codecs do not track the path to a field, which
 * would slow down every call; after a failure, the value is written once more behind proxies that
 * record what is read.
 */
import { isMap, isNativeError, isSet } from 'node:util/types'
import { reasonOf } from '../contract/errors.js'
import { refusedValue } from './codec-error.js'
import { showType, showValue } from './show-value.js'
import { Writer } from './writer.js'

interface Read {
  readonly path: string
  readonly value: unknown
}
type Encode = (w: Writer, value: unknown) => void

interface Refusal {
  /** Empty if it is the value itself, or cannot be found. */
  readonly path: string
  readonly reason: string
}

/**
 * What is wrong with a value, and where: `at items[2].price: expected a number, got a string`.
 * @param cause what the codec threw
 */
export function whyRefused(encode: Encode, value: unknown, cause: unknown): string {
  const { path, reason } = refusalOf(encode, value, cause)
  return path === '' ? reason : `at ${path.replace(/^\./, '')}: ${reason}`
}

/**
 * Like {@link whyRefused}, for the arguments of a call: `argument 1 at items[2].price: expected a
 * number, got a string`.
 */
export function whyArgumentsRefused(
  encodeArgs: (w: Writer, args: readonly unknown[]) => void,
  args: readonly unknown[],
  cause: unknown,
): string {
  const { path, reason } = refusalOf((w, value) => encodeArgs(w, value as readonly unknown[]), args, cause) // the proxy of a list is a list, too
  const [, position, rest = ''] = /^\[(\d+)\](.*)$/s.exec(path) ?? []
  return position === undefined
    ? reason
    : `argument ${Number(position) + 1}${rest === '' ? '' : ` at ${rest.replace(/^\./, '')}`}: ${reason}`
}

function refusalOf(encode: Encode, value: unknown, cause: unknown): Refusal {
  const reads: Read[] = []
  const unfound: Refusal = { path: '', reason: reasonOf(cause) }
  try {
    encode(new TracingWriter(reads), seenThrough(value, '', reads))
  } catch (error) {
    const refused = refusedValue(error)
    if (refused !== undefined)
      return { path: reads.findLast((read) => Object.is(read.value, refused.value))?.path ?? '', reason: reasonOf(error) }
    // Codecs do not check that an object is there: they read its first field, which does not reveal
    // the path.
    const last = reads.at(-1) ?? { path: '', value }
    const isMissing = isNativeError(error) && error.name === 'TypeError' && (last.value === undefined || last.value === null)
    return isMissing ? { path: last.path, reason: `expected an object, got ${showType(last.value)}` } : unfound
  }
  return unfound // its getters return something else by now
}

/** How far back a written value may have been read. */
const MAX_BACK = 64

/** Drops reads of values that were written successfully. */
class TracingWriter extends Writer {
  readonly #reads: Read[]

  constructor(reads: Read[]) {
    super()
    this.#reads = reads
  }

  override u8(value: number): void {
    super.u8(value)
    while (this.#reads.at(-1)?.value === undefined && this.#reads.length > 0) this.#reads.pop() // an absent optional field
  }

  override number(value: number): void {
    super.number(value)
    this.#forget(value)
  }

  override bool(value: boolean): void {
    super.bool(value)
    this.#forget(value)
  }

  override string(value: string): void {
    super.string(value)
    this.#forget(value)
  }

  override string2(a: string, b: string): void {
    super.string2(a, b)
    this.#forget(b, a)
  }

  override string3(a: string, b: string, c: string): void {
    super.string3(a, b, c)
    this.#forget(c, b, a)
  }

  override string4(a: string, b: string, c: string, d: string): void {
    super.string4(a, b, c, d)
    this.#forget(d, c, b, a)
  }

  override bigint(value: bigint): void {
    super.bigint(value)
    this.#forget(value)
  }

  override date(value: Date): void {
    super.date(value)
    this.#forget(value)
  }

  override bytes(value: Uint8Array): void {
    super.bytes(value)
    this.#forget(value)
  }

  #forget(...values: readonly unknown[]): void {
    const reads = this.#reads
    for (const value of values) {
      let at = reads.length - 1
      const first = Math.max(0, reads.length - MAX_BACK)
      while (at >= first && !Object.is(reads[at]?.value, value)) at--
      if (at >= first) reads.splice(at, 1)
    }
  }
}

/**
 * A view of plain data that records each part that is read. Other values are returned as they are:
 * a class may access private fields.
 */
function seenThrough(value: unknown, path: string, reads: Read[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  const note = (part: unknown, at: string): unknown => {
    const seen = seenThrough(part, at, reads)
    reads.push({ path: at, value: seen })
    return seen
  }
  if (isMap(value))
    return new NotedMap(value, (key, item) => [note(key, `${path}.keys()`), note(item, `${path}.get(${showValue(key)})`)] as const)
  if (isSet(value)) return new NotedSet(value, (item) => note(item, `${path}.values()`))
  const isList = Array.isArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!isList && prototype !== null && Object.getPrototypeOf(prototype) !== null) return value
  // The proxy's target is a stand-in of the same kind: a proxy must show frozen fields unchanged.
  const stand: object = isList ? Array.from({ length: value.length }) : (Object.create(prototype as object | null) as object)
  return new Proxy(stand, {
    get(_, key) {
      const part: unknown = Reflect.get(value, key)
      if (typeof key === 'symbol' || typeof part === 'function' || (isList && key === 'length')) return part
      return note(part, `${path}${isList ? `[${key}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`)
    },
    has: (_, key) => Reflect.has(value, key),
    ...(isList ? {} : { ownKeys: () => Reflect.ownKeys(value), getOwnPropertyDescriptor: (_, key) => shownDescriptor(value, key) }),
  })
}

function shownDescriptor(value: object, key: PropertyKey): PropertyDescriptor | undefined {
  const own = Reflect.getOwnPropertyDescriptor(value, key)
  return own === undefined ? undefined : { value: undefined, writable: true, enumerable: own.enumerable === true, configurable: true }
}

class NotedMap extends Map<unknown, unknown> {
  readonly #note: (key: unknown, item: unknown) => readonly [unknown, unknown]

  constructor(of: ReadonlyMap<unknown, unknown>, note: (key: unknown, item: unknown) => readonly [unknown, unknown]) {
    super()
    for (const [key, item] of of) super.set(key, item)
    this.#note = note
  }

  override *[Symbol.iterator](): MapIterator<[unknown, unknown]> {
    for (const [key, item] of super.entries()) yield [...this.#note(key, item)]
  }
}

class NotedSet extends Set<unknown> {
  readonly #note: (item: unknown) => unknown

  constructor(of: ReadonlySet<unknown>, note: (item: unknown) => unknown) {
    super()
    for (const item of of) super.add(item)
    this.#note = note
  }

  override *[Symbol.iterator](): SetIterator<unknown> {
    for (const item of super.values()) yield this.#note(item)
  }
}
