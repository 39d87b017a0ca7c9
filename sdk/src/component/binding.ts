/**
 * What `weaver.gen.ts` is made of: the shape that the generator writes and that the runtime reads. The generator lives in another package and never
 * imports this file at run time; a change here is a change of the generated format (`WEAVER_GEN_FORMAT`).
 */
import type { Reader } from '../codec/reader.js'
import type { Writer } from '../codec/writer.js'
import type { Scope } from '../context/context.js'
import type { ErrorClass } from '../codec/error-codec.js'
import type { Component, Implementation } from './component.js'
import type { Fresh } from './sent.js'

export const WEAVER_GEN_FORMAT = 5

/** Position of a method in {@link ComponentBinding.methods}; it is the method's number on the wire. */
export type MethodIndex = number

/** How generated code makes calls: the arguments as given, the answer as the method gave it. */
export interface Calls {
  call(method: MethodIndex, args: readonly unknown[]): Promise<unknown>
  /** A method that returns a stream. */
  stream(method: MethodIndex, args: readonly unknown[]): AsyncIterable<unknown>
}

/**
 * Calls of an object in the same process. A call that may take the straight way makes nothing but what the method itself makes: the forwarder enters the context
 * of the callee, calls the object itself, and leaves again before anything else can run. Other calls go by `call` and `stream`.
 */
export interface LocalCalls extends Calls {
  /** Counts the call. @returns the context in which the code that follows is now; `undefined`: the call takes the other way, and nothing is entered */
  enter(method: MethodIndex): Scope | undefined
  /** Back to the context of the caller. @returns what the caller gets for what the method returned */
  leave<R>(entered: Scope, result: R): R
  /** The same for a method that threw before it returned a promise. */
  fail<R>(entered: Scope, error: unknown): R
}

/** Straight-line codec of one method. Both ends are the same build, so nothing is tagged and nothing is named. */
export interface MethodBinding {
  readonly name: string
  encodeArgs(w: Writer, args: readonly unknown[]): void
  decodeArgs(r: Reader): unknown[]
  /** Of one item, where the method returns a stream. */
  encodeResult(w: Writer, result: unknown): void
  decodeResult(r: Reader): unknown
  /** It returns an `AsyncIterable`. */
  readonly isStream?: true
  /** It takes an `AsyncIterable` as this argument. `encodeArgs` leaves it out, `decodeArgs` puts `undefined` in its place. */
  readonly input?: StreamInput
}

export interface StreamInput {
  /** Position in the list of arguments, from 0. */
  readonly position: number
  encodeItem(w: Writer, item: unknown): void
  decodeItem(r: Reader): unknown
}

export interface ComponentBinding<T = unknown> {
  readonly token: Component<T>
  readonly implementation: Implementation<T>
  /** Names of the components that the class holds a ref to, sorted; start compares them with the refs it really made. */
  readonly refs: readonly string[]
  readonly listeners: readonly string[]
  readonly methods: readonly MethodBinding[]
  /** The typed stub: it does not compile when the interface has changed since generation. */
  stub(calls: Calls): T
  /** The typed forwarder to an object of the same process. */
  local(calls: LocalCalls, target: T): T
}

/** The value that `weaver.gen.ts` exports as `weaver`. It has no effect until `components()` is called. */
export interface WeaverGen {
  readonly format: typeof WEAVER_GEN_FORMAT
  /** As in the graph: sha256 hex over what both ends of a call must agree on. */
  readonly fingerprint: string
  /** Refs and listeners of the class given to `run`. */
  readonly main: { readonly refs: readonly string[]; readonly listeners: readonly string[] }
  components(): readonly ComponentBinding[]
  /** Application errors that arrive as instances of their class. Absent: none. */
  readonly errors?: readonly ErrorClass[]
}

/**
 * Ties one component together; the generator writes one call each.
 * @typeParam T keeps token, implementation and stub of one kind
 * @typeParam Methods those that the codecs were made for, with the types that are sent: it does not compile when those of `T` differ by now
 */
// oxlint-disable-next-line no-unused-vars -- its constraint is what it is there for
export function bind<T, Methods extends Fresh<T, Methods> = Record<never, never>>(binding: ComponentBinding<T>): ComponentBinding {
  // Variance: a list of bindings of different T needs one element type, and the runtime treats every target as opaque.
  return binding as unknown as ComponentBinding
}
