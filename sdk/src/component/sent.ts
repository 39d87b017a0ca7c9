/**
 * Checks at compile time that generated code still fits its types. {@link Sent} is a type as a
 * codec sees it, written as the generator writes the types of a generated file. If a source type
 * has changed since, the two differ, and `bind` does not compile. Nothing of this exists at run
 * time.
 *
 * Invariants required by the compiler:
 *
 * I1  Only what a codec distinguishes makes a difference: not `readonly`, brands, names, `Map` or
 *     `ReadonlyMap`, `void` or `undefined`. So a file that the generator would rewrite does not
 *     compile, and one that it would leave unchanged does.
 * I2  Types are compared for identity, not for mutual assignability, which `{ a: string }` and `{
 *     a: string; b?: string }` have.
 * I3  A type may contain itself: arrays, maps, sets and properties are converted when the compiler
 *     needs them, and a tuple by its elements.
 * I4  The generator gives each type with parts a name of its own. The compiler takes two generic
 *     types for equal once they are nested three deep (`isDeeplyNestedType`); named types are never
 *     affected. Tuples are written as objects: the compiler compares two tuples by all methods of
 *     arrays.
 */

import type { SentBuffer } from '../codec/sent-buffer.js'

export type { SentBuffer }

/** The compiler shows this when a generated file no longer fits its sources. */
type Stale = 'stale: a type has changed since; run "weaver generate"'

/** The same type, not only the same set of values. */
type IsSame<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false

/**
 * For `Types extends Fresh<T, Types>`: the methods of an interface are those that `Types` was
 * generated for.
 */
export type Fresh<T, Types> = {
  [K in keyof T & keyof Types]: IsSame<SentMethod<T[K]>, Types[K]> extends true ? Types[K] : Stale
}

/** The plain form of a class is the one that the codec was generated for. */
export type FreshPlain<Codec, Plain> = Codec extends { toPlain(value: never): infer P }
  ? IsSame<Sent<P>, Plain> extends true
    ? unknown
    : Stale
  : Stale
/** The result of a codec's `toPlain`, as a type of the generated file. */
export type PlainOf<Codec, Plain extends FreshPlain<Codec, Plain>> = Plain

/**
 * An instance of a class with a codec, by its public structure: to the compiler an interface of the
 * same structure is the same.
 */
export type InstanceOf<Codec> = Codec extends { fromPlain(plain: never): infer T } ? Sent<T> : never

type SentMethod<M> = M extends (...args: infer A) => infer R
  ? (...args: { [K in keyof A]: SentOrStream<A[K]> }) => R extends Promise<infer T> ? Sent<T> : SentOrStream<R>
  : never
type SentOrStream<T> = T extends AsyncIterable<infer E> ? AsyncIterable<Sent<E>> : Sent<T>

/**
 * A type as it is sent. Most types are objects, and the compiler instantiates each step on the way
 * to them, so there are few.
 */
type Sent<T> = 0 extends 1 & T
  ? T // any, which cannot be sent
  : T extends string | number | bigint | boolean | null | undefined | void
    ? SentPrimitive<T>
    : T extends Date | ArrayBufferView | { forEach: unknown }
      ? SentBuiltIn<T>
      : SentPlain<T>

type SentPrimitive<T> = T extends void
  ? undefined
  : T extends null
    ? null
    : T extends boolean
      ? [true] extends [T]
        ? true
        : [false] extends [T]
          ? false
          : boolean // it has a brand
      : T extends string
        ? HasLiteralKeys<T> extends true // otherwise string, a template, or a brand
          ? `${T}`
          : string
        : T extends number
          ? HasLiteralKeys<T> extends true
            ? `${T}` extends `${infer N extends number}`
              ? N
              : never
            : number
          : bigint

type SentBuiltIn<T> = T extends Date
  ? Date
  : T extends ArrayBufferView & { readonly [Symbol.toStringTag]: infer Name extends keyof TypedArrays }
    ? T extends { readonly readUInt8: unknown }
      ? SentBuffer
      : TypedArrays[Name]
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<Sent<K>, Sent<V>>
      : T extends ReadonlySet<infer E>
        ? ReadonlySet<Sent<E>>
        : T extends readonly unknown[]
          ? SentList<T>
          : SentPlain<T>

/** A member with a symbol as its key is a brand, and is not sent. */
type SentPlain<T> = [keyof T] extends [string | number]
  ? HasLiteralKeys<keyof T> extends true
    ? { -readonly [K in keyof T]: Sent<T[K]> }
    : { readonly [key: string]: Sent<T[keyof T]> }
  : HasLiteralKeys<Exclude<keyof T, symbol>> extends true
    ? { -readonly [K in keyof T as K extends symbol ? never : K]: Sent<T[K]> }
    : { readonly [key: string]: Sent<T[Exclude<keyof T, symbol>]> }

type HasLiteralKeys<K extends PropertyKey> = {} extends Record<K, 1> ? false : true

/**
 * A tuple becomes its elements, and an array within it the common element type: otherwise the
 * compiler would compare all the methods of arrays (I4).
 */
type SentList<T extends readonly unknown[]> =
  IsArray<T> extends true
    ? readonly Sent<T[number]>[]
    : number extends T['length']
      ? { start: Places<T>; rest: Sent<PartsOf<T>['rest']>; end: Places<PartsOf<T>['end']> }
      : Places<T>

type Places<T extends readonly unknown[]> = { -readonly [K in keyof T as K extends `${number}` | 'length' ? K : never]: Sent<T[K]> }

/** Also for an array with a brand, to which no array is assignable. */
type IsArray<T extends readonly unknown[]> = number extends T['length']
  ? '0' extends keyof T
    ? false
    : T extends readonly [...unknown[], unknown]
      ? false
      : true
  : false

/** The elements after the last one with an index. */
type PartsOf<T extends readonly unknown[], End extends readonly unknown[] = []> = T extends readonly [unknown, ...infer Rest]
  ? PartsOf<Rest, End>
  : T extends readonly [...infer Rest, infer Last]
    ? PartsOf<Rest, [Last, ...End]>
    : '0' extends keyof T
      ? T extends readonly [_?: unknown, ...rest: infer Rest]
        ? PartsOf<Rest, End>
        : never
      : { rest: T[number]; end: End }

interface TypedArrays {
  Int8Array: Int8Array
  Uint8Array: Uint8Array
  Uint8ClampedArray: Uint8ClampedArray
  Int16Array: Int16Array
  Uint16Array: Uint16Array
  Int32Array: Int32Array
  Uint32Array: Uint32Array
  Float32Array: Float32Array
  Float64Array: Float64Array
  BigInt64Array: BigInt64Array
  BigUint64Array: BigUint64Array
}
