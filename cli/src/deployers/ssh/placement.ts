/** On which machine a process runs. Pure. */
export interface Placed {
  readonly machine: string
  readonly group: string
}

/**
 * The machine with the fewest processes of the group, of those the one with the fewest of all, of
 * those the first: replicas of a group are spread before anything else.
 * @param machines those that can take one
 * @param placed what runs
 */
export function placeOn(machines: readonly string[], placed: readonly Placed[], group: string): string | undefined {
  const counted = machines.map((machine) => {
    const there = placed.filter((one) => one.machine === machine)
    return { machine, same: there.filter((one) => one.group === group).length, all: there.length }
  })
  const [first] = counted.sort((a, b) => a.same - b.same || a.all - b.all) // stable: else in the order of the list
  return first?.machine
}
