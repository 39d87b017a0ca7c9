/**
 * Which replica serves which keys of a routed component. The ring of hashed keys (shard-key.ts) is cut into a power of two of equal slices, and each slice has
 * one owner. The deployer decides (`assign` of `@weaver/deployer`), callers look up.
 */

/** An assignment as it travels: plain data. */
export interface Assignment {
  readonly component: string
  /** Grows with every change of one component's assignment. A receiver keeps the one with the highest epoch. */
  readonly epoch: number
  /** Sorted. Empty: nobody serves keys of its own, every call goes to any replica. */
  readonly replicas: readonly string[]
  /** Owner of each slice, as an index into `replicas`; the length is a power of two, or 0 without replicas. */
  readonly owners: readonly number[]
  /** Callers are to report how often they call which slices. */
  readonly isLoadWanted?: true
}

/** @returns the owner of a key by its {@link shardKey}, or `undefined` when there is none. */
export function ownerOf(assignment: Assignment, hash: number): string | undefined {
  return assignment.replicas[assignment.owners[sliceOf(assignment.owners.length, hash)] as number] // undefined is no index, and gives undefined
}

/** The slice of a key among `count`, a power of two. */
export function sliceOf(count: number, hash: number): number {
  return Math.floor((hash / 2 ** 32) * count) // exact: both are small powers of two and integers
}
