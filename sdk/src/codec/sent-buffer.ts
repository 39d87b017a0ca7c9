declare const IS_BUFFER: unique symbol

/** A Buffer in the types of a generated file: a package that has none of its own need not know the types of Node. */
export interface SentBuffer extends Uint8Array {
  readonly [IS_BUFFER]: true
}
