/**
 * What `weaver.gen.ts` consists of: the shape that the generator writes and the runtime reads. The
 * generator is in another package and never imports this file at run time; a change here changes
 * the generated format (`WEAVER_GEN_FORMAT`).
 */
import type { Reader } from '../codec/reader.js'
import type { Writer } from '../codec/writer.js'
import type { Scope } from '../context/context.js'
import type { ErrorClass } from '../codec/error-codec.js'
import type { Component, Implementation } from './component.js'
import type { Fresh } from './sent.js'

export const WEAVER_GEN_FORMAT = 5

/** Position of a method in {@link ComponentBinding.methods}, which is its number on the wire. */
export type MethodIndex = number

/** How generated code makes calls: arguments as given, results as the method returned them. */
export interface Calls {
  call(method: MethodIndex, args: readonly unknown[]): Promise<unknown>
  /** Calls a method that returns a stream. */
  stream(method: MethodIndex, args: readonly unknown[]): AsyncIterable<unknown>
}

/**
 * Calls of an object in the same process. A call that may take the direct path allocates nothing
 * beyond what the method itself does: the forwarder enters the callee's context, calls the object,
 * and leaves before anything else can run. Other calls use `call` and `stream`.
 */
export interface LocalCalls extends Calls {
  /**
   * Counts the call.
   * @returns the context in which the following code runs; `undefined` if the call must take the
   * other path, and nothing was entered
   */
  enter(method: MethodIndex): Scope | undefined
  /**
   * Returns to the caller's context.
   * @returns what the caller receives for the method's result
   */
  leave<R>(entered: Scope, result: R): R
  /** Like `leave`, for a method that threw before it returned a promise. */
  fail<R>(entered: Scope, error: unknown): R
}

/**
 * Straight-line codec of one method. Both ends are the same build, so nothing is tagged or named.
 */
export interface MethodBinding {
  readonly name: string
  encodeArgs(w: Writer, args: readonly unknown[]): void
  decodeArgs(r: Reader): unknown[]
  /** Encodes the result, or one item if the method returns a stream. */
  encodeResult(w: Writer, result: unknown): void
  decodeResult(r: Reader): unknown
  /** Whether it returns an `AsyncIterable`. */
  readonly isStream?: true
  /**
   * The argument that is an `AsyncIterable`. `encodeArgs` omits it, `decodeArgs` puts `undefined`
   * in its place.
   */
  readonly input?: StreamInput
}

export interface StreamInput {
  /** Index in the argument list, from 0. */
  readonly position: number
  encodeItem(w: Writer, item: unknown): void
  decodeItem(r: Reader): unknown
}

export interface ComponentBinding<T = unknown> {
  readonly token: Component<T>
  readonly implementation: Implementation<T>
  /**
   * Names of the components that the class has refs to, sorted; the start compares them with the
   * refs actually made.
   */
  readonly refs: readonly string[]
  readonly listeners: readonly string[]
  readonly methods: readonly MethodBinding[]
  /** The typed stub: it does not compile if the interface has changed since generation. */
  stub(calls: Calls): T
  /** The typed forwarder to an object in the same process. */
  local(calls: LocalCalls, target: T): T
}

/**
 * The value that `weaver.gen.ts` exports as `weaver`. It has no effect until `components()` is
 * called.
 */
export interface WeaverGen {
  readonly format: typeof WEAVER_GEN_FORMAT
  /** As in the graph: sha256 hex of what both ends of a call must agree on. */
  readonly fingerprint: string
  /** Refs and listeners of the class passed to `run`. */
  readonly main: { readonly refs: readonly string[]; readonly listeners: readonly string[] }
  components(): readonly ComponentBinding[]
  /** Application errors that callers receive as instances of their class. Absent: none. */
  readonly errors?: readonly ErrorClass[]
}

/**
 * Binds the parts of one component; the generator writes one call per component.
 * @typeParam T keeps token, implementation and stub consistent
 * @typeParam Methods those that the codecs were made for, with the types that are sent: it does not
 * compile if those of `T` have changed since
 */
// oxlint-disable-next-line no-unused-vars -- its constraint is what it is there for
export function bind<T, Methods extends Fresh<T, Methods> = Record<never, never>>(binding: ComponentBinding<T>): ComponentBinding {
  // Variance: a list of bindings of different T needs one element type, and the runtime treats
  // every target as opaque.
  return binding as unknown as ComponentBinding
}
