declare const IS_BUFFER: unique symbol

/** A Buffer in the types of a generated file, for packages without the types of Node. */
export interface SentBuffer extends Uint8Array {
  readonly [IS_BUFFER]: true
}
