/**
 * The part of a component graph that this package needs; the graph of `@weaver/sdk/contract` has
 * this shape.
 */
export interface GraphShape {
  readonly components: readonly GraphComponent[]
}
export interface GraphComponent {
  readonly name: string
  readonly refs: readonly string[]
  /** Those of the refs that its start does not wait for. */
  readonly lazyRefs?: readonly string[]
  readonly listeners: readonly string[]
  /** JSON Schema of its configuration; absent: it takes none. */
  readonly config?: Readonly<Record<string, unknown>>
}
