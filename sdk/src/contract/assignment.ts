/**
 * Which replica serves which keys of a routed component. The ring of hashed keys (shard-key.ts) is
 * divided into equal slices, a power of two in number, each with one owner. The deployer decides
 * (`assign` of `@weaver/deployer`), callers look up.
 */

/** An assignment as plain data, in the form that is sent. */
export interface Assignment {
  readonly component: string
  /**
   * Grows with every change of the component's assignment. A receiver keeps the one with the
   * highest epoch.
   */
  readonly epoch: number
  /** Sorted. Empty: no replica owns keys, every call may go to any replica. */
  readonly replicas: readonly string[]
  /**
   * Owner of each slice, as an index into `replicas`. The length is a power of two, or 0 without
   * replicas.
   */
  readonly owners: readonly number[]
  /** Whether callers are to report how often they call which slices. */
  readonly isLoadWanted?: true
}

/** @returns the owner of a key by its {@link shardKey}; `undefined` if there is none */
export function ownerOf(assignment: Assignment, hash: number): string | undefined {
  return assignment.replicas[assignment.owners[sliceOf(assignment.owners.length, hash)] as number] // undefined is not an index, and yields undefined
}

/** The slice of a key, of `count` slices, which is a power of two. */
export function sliceOf(count: number, hash: number): number {
  return Math.floor((hash / 2 ** 32) * count) // exact: both are small powers of two or integers
}
