import type { Assignment } from '@weaver/sdk/contract'

/** How many keys of 1,000 change their owner between two assignments. */
export function movedPerMille(from: Assignment, to: Assignment): number {
  const count = Math.max(from.owners.length, to.owners.length)
  if (count === 0) return 0
  const ownerAt = (a: Assignment, slice: number): string | undefined =>
    a.owners.length === 0 ? undefined : a.replicas[a.owners[Math.floor((slice * a.owners.length) / count)] as number] // in bounds: slice < count
  let moved = 0
  for (let slice = 0; slice < count; slice++) if (ownerAt(from, slice) !== ownerAt(to, slice)) moved++
  return (1_000 * moved) / count
}
