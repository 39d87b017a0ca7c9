/**
 * Which replica is to serve which keys of a routed component. The ring of hashed keys is cut into a
 * power of two of equal slices, and each slice has one owner. Pure: the controller
 * (assignment-controller.ts) acts on it, callers look up (`ownerOf` of the contract).
 *
 * I1  Balance: without loads, any two replicas differ by at most one slice, and there are at least
 *     `SLICES_PER_REPLICA` slices for each, so that the most and the least loaded differ by at most
 *     1/16 of a share.
 * I2  Churn: a slice changes its owner only when its owner has gone, or when balance needs it; a
 *     replica that joins takes its share and nothing else moves.
 * I3  The number of slices only grows, by doubling: each slice becomes two with the same owner, so
 *     no key moves.
 */
import type { Assignment } from '@weaver/sdk/contract'

/** Load of each slice, in any unit; calls per second, say. An index beyond its end counts as 0. */
export type SliceLoads = readonly number[]

export interface AssignOptions {
  /** Absent: every slice counts the same. */
  readonly loads?: SliceLoads
  /**
   * With loads: how far a replica may be from the mean, as a part of it, before slices are moved.
   * @default 0.2
   */
  readonly tolerance?: number
  /**
   * With loads: how many slices may move for balance in one step, as a part of all.
   * @default 0.1
   */
  readonly maxMoved?: number
}

const SLICES_PER_REPLICA = 16
const MIN_SLICES = 64
/** A hot slice is halved at most until there are so many slices for each replica. */
const MAX_SLICES_PER_REPLICA = 256
/**
 * A slice whose move turns a gap around has to leave at most this part of it: for less its keys
 * need not leave their caches.
 */
const MAX_TURNED = 0.8
const NOBODY = -1

/**
 * The next assignment for these replicas.
 * @param previous what holds now; absent: nothing does.
 * @returns `previous` itself when nothing has to change.
 */
export function assign(
  component: string,
  previous: Assignment | undefined,
  to: { readonly replicas: readonly string[]; readonly epoch: number },
  options: AssignOptions = {},
): Assignment {
  const replicas = [...new Set(to.replicas)].sort()
  const before = previous ?? { component, epoch: 0, replicas: [], owners: [] }
  if (replicas.length === 0) return isSame(before, replicas, []) ? before : { component, epoch: to.epoch, replicas, owners: [] }
  const plan = new Plan(before, replicas, options.loads)
  plan.placeOrphans()
  if (options.loads === undefined) plan.level()
  else plan.relieve({ tolerance: options.tolerance ?? 0.2, maxMoved: options.maxMoved ?? 0.1 })
  return isSame(before, replicas, plan.owners) ? before : { component, epoch: to.epoch, replicas, owners: plan.owners }
}

function isSame(before: Assignment, replicas: readonly string[], owners: readonly number[]): boolean {
  const equal = <T>(a: readonly T[], b: readonly T[]): boolean => a.length === b.length && a.every((item, i) => item === b[i])
  return equal(before.replicas, replicas) && equal(before.owners, owners)
}

/**
 * One change being made. Indices are into the new list of replicas; every index used lies within
 * its array.
 */
class Plan {
  owners: number[]
  #weights: readonly number[]
  readonly #held: number[][]
  readonly #load: number[]

  constructor(before: Assignment, replicas: readonly string[], loads: SliceLoads | undefined) {
    const indexOf = new Map(replicas.map((replica, i) => [replica, i]))
    this.owners = before.owners.map((owner) => indexOf.get(before.replicas[owner] as string) ?? NOBODY)
    if (this.owners.length === 0) this.owners = Array.from({ length: MIN_SLICES }, () => NOBODY)
    this.#weights = this.owners.map((_, slice) => (loads === undefined ? 1 : (loads[slice] ?? 0)))
    while (this.owners.length < SLICES_PER_REPLICA * replicas.length) this.#double()
    this.#held = replicas.map(() => [])
    this.#load = replicas.map(() => 0)
    for (const [slice, owner] of this.owners.entries()) if (owner !== NOBODY) this.#give(slice, owner)
  }

  /** Slices without an owner go to whoever has least, the heaviest first. */
  placeOrphans(): void {
    const orphans = [...this.owners.keys()].filter((slice) => this.owners[slice] === NOBODY)
    orphans.sort((a, b) => this.#weight(b) - this.#weight(a) || a - b)
    for (const slice of orphans) this.#give(slice, this.#least())
  }

  /** I1 */
  level(): void {
    for (;;) {
      const most = this.#most()
      const least = this.#least()
      const held = this.#held[most] as number[]
      if (held.length - (this.#held[least] as number[]).length <= 1) return
      this.#move(held.length - 1, { from: most, to: least })
    }
  }

  /**
   * Takes slices from the most loaded replica for the least loaded one until both are near the
   * mean, nothing helps, or enough has moved.
   */
  relieve(limit: { readonly tolerance: number; readonly maxMoved: number }): void {
    const replicas = this.#load.length
    const mean = this.#load.reduce((sum, load) => sum + load, 0) / replicas
    const newcomers = this.#held.filter((held) => held.length === 0).length
    // A newcomer gets its share whatever the limit says, or it would stay idle for many steps.
    let left = Math.ceil(this.owners.length * limit.maxMoved) + Math.ceil((this.owners.length * newcomers) / replicas)
    if (mean === 0) return this.level()
    while (left-- > 0) {
      const most = this.#most()
      const least = this.#least()
      if (this.#loadOf(most) <= mean * (1 + limit.tolerance) && this.#loadOf(least) >= mean * (1 - limit.tolerance)) return
      const gap = this.#loadOf(most) - this.#loadOf(least)
      const at = this.#nearest(most, gap)
      if (at !== undefined) this.#move(at, { from: most, to: least })
      else if (this.owners.length * 2 <= MAX_SLICES_PER_REPLICA * replicas)
        return this.#halve() // by the next reports its halves have loads of their own
      else return
    }
  }

  /**
   * Of one replica's slices that of which the move narrows the gap most; `undefined` when each
   * would do little more than turn it around.
   */
  #nearest(replica: number, gap: number): number | undefined {
    let best: number | undefined
    let bestLeft = gap
    for (const [at, slice] of (this.#held[replica] as number[]).entries()) {
      const weight = this.#weight(slice)
      const left = Math.abs(gap - 2 * weight)
      if (weight === 0 || left >= bestLeft || (2 * weight > gap && left > MAX_TURNED * gap)) continue
      best = at
      bestLeft = left
    }
    return best
  }

  #give(slice: number, to: number): void {
    this.owners[slice] = to
    ;(this.#held[to] as number[]).push(slice)
    this.#load[to] = this.#loadOf(to) + this.#weight(slice)
  }

  #move(at: number, change: { readonly from: number; readonly to: number }): void {
    const held = this.#held[change.from] as number[]
    const slice = held[at] as number
    held[at] = held.at(-1) as number
    held.pop()
    this.#load[change.from] = this.#loadOf(change.from) - this.#weight(slice)
    this.#give(slice, change.to)
  }

  /** I3. Only before slices are given. */
  #double(): void {
    this.owners = this.owners.flatMap((owner) => [owner, owner])
    this.#weights = this.#weights.flatMap((weight) => [weight / 2, weight / 2])
  }

  #halve(): void {
    this.owners = this.owners.flatMap((owner) => [owner, owner])
  }

  #weight(slice: number): number {
    return this.#weights[slice] as number
  }

  #loadOf(replica: number): number {
    return this.#load[replica] as number
  }

  #most(): number {
    return this.#extreme((a, b) => a > b)
  }

  #least(): number {
    return this.#extreme((a, b) => a < b)
  }

  /** By load, then by the number of slices, so that idle slices spread too. */
  #extreme(isBeyond: (a: number, b: number) => boolean): number {
    let found = 0
    for (let i = 1; i < this.#load.length; i++) {
      const load = this.#loadOf(i)
      const best = this.#loadOf(found)
      const isTie = load === best
      if (isTie ? isBeyond((this.#held[i] as number[]).length, (this.#held[found] as number[]).length) : isBeyond(load, best)) found = i
    }
    return found
  }
}
