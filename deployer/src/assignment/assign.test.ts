import { ownerOf, shardKey, sliceOf, type Assignment } from '@weaver/sdk/contract'
import { movedPerMille } from '../testing/moved-keys.js'
import { assign } from './assign.js'

const names = (count: number, from: number = 0): string[] =>
  Array.from({ length: count }, (_, i) => `r-${String(from + i).padStart(4, '0')}`)

let epoch = 0
const next = (previous: Assignment | undefined, replicas: readonly string[], options = {}): Assignment =>
  assign('shop/Cart', previous, { replicas, epoch: ++epoch }, options)

function held(assignment: Assignment): Map<string, number> {
  const counts = new Map(assignment.replicas.map((replica) => [replica, 0]))
  for (const owner of assignment.owners) {
    const replica = assignment.replicas[owner] ?? 'nobody'
    counts.set(replica, (counts.get(replica) ?? 0) + 1)
  }
  return counts
}

function expectBalanced(assignment: Assignment): void {
  const counts = [...held(assignment).values()]
  expect(counts).toHaveLength(assignment.replicas.length)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  expect(assignment.owners.length).toBeGreaterThanOrEqual(16 * assignment.replicas.length)
  expect(Math.log2(assignment.owners.length) % 1).toBe(0)
}

/** A generator of its own for each test, so that a failure comes again. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('sliceOf', () => {
  it('cuts the ring into equal parts, to its very ends', () => {
    expect([0, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1].map((hash) => sliceOf(4, hash))).toEqual([0, 0, 1, 2, 3])
    expect(sliceOf(16_384, 2 ** 32 - 1)).toBe(16_383)
  })
})

describe('ownerOf', () => {
  it('is one of the replicas for every key, the same for equal keys, and nobody without replicas', () => {
    const assignment = next(undefined, names(3))
    const owners = Array.from({ length: 300 }, (_, i) => ownerOf(assignment, shardKey(`user-${i}`)))
    expect(new Set(owners)).toEqual(new Set(names(3)))
    expect(ownerOf(next(undefined, []), 7)).toBeUndefined()
  })
})

describe('assign', () => {
  it('gives every replica the same number of slices, give or take one', () => {
    for (const count of [1, 2, 3, 5, 16, 17, 100]) {
      const assignment = next(undefined, names(count))
      expect(assignment.replicas).toHaveLength(count)
      expectBalanced(assignment)
    }
  })

  it('does not depend on the order in which replicas are told, and changes nothing when nothing changed', () => {
    const first = next(undefined, ['b', 'a', 'c', 'a'])
    expect(first.replicas).toEqual(['a', 'b', 'c'])
    expect(next(undefined, ['c', 'b', 'a']).owners).toEqual(first.owners)
    expect(next(first, ['c', 'a', 'b'])).toBe(first)
  })

  it('moves to a replica that joins its share, and nothing else', () => {
    for (const count of [1, 2, 3, 7, 20, 100]) {
      const before = next(undefined, names(count))
      const after = next(before, names(count + 1))
      expectBalanced(after)
      const moved = movedPerMille(before, after)
      expect(moved).toBeLessThanOrEqual(1_000 / (count + 1) + 1)
      expect(moved).toBeGreaterThan(900 / (count + 1) - 1)
    }
  })

  it('moves of a replica that leaves its share, and nothing else', () => {
    const before = next(undefined, names(10))
    const after = next(before, names(10).slice(1))
    expectBalanced(after)
    expect(movedPerMille(before, after)).toBe((1_000 * (held(before).get('r-0000') ?? 0)) / before.owners.length)
  })

  it('cuts slices in two without moving a key when replicas become many', () => {
    const few = next(undefined, names(4))
    const many = next(few, names(200))
    expect(few.owners).toHaveLength(64)
    expect(many.owners).toHaveLength(4_096)
    expectBalanced(many)
    expect(movedPerMille(few, many)).toBeLessThanOrEqual(981) // 196 of 200 shares
  })

  it('is balanced and moves no more than it must, whatever comes and goes', () => {
    const pick = random(11)
    for (let round = 0; round < 40; round++) {
      let members = names(1 + pick(12))
      let assignment = next(undefined, members)
      for (let step = 0; step < 25; step++) {
        const gone = members.filter(() => pick(6) === 0)
        const come = names(pick(4), 1_000 + 10 * step)
        members = [...members.filter((replica) => !gone.includes(replica)), ...come]
        const before = assignment
        assignment = next(before, members)
        if (members.length === 0) {
          expect(assignment.owners).toEqual([])
          continue
        }
        expectBalanced(assignment)
        if (before.replicas.length === 0) continue
        // What leavers held has to move; beyond it only what joiners take, and one slice for each
        // that rounding shifts.
        const share = held(before)
        const left = gone.reduce((sum, replica) => sum + (share.get(replica) ?? 0) / before.owners.length, 0)
        const least = Math.max(left, come.length / members.length)
        const rounding = (members.length + before.replicas.length) / assignment.owners.length
        expect(movedPerMille(before, assignment) / 1_000).toBeLessThanOrEqual(least + rounding)
      }
    }
  })

  it('of a thousand replicas takes little time', () => {
    const before = next(undefined, names(1_000))
    const start = process.cpuUsage() // and not the clock: other processes take this one's time, not its work
    const after = next(before, names(1_000, 1))
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1_000).toBeLessThan(250)
    expectBalanced(after)
  })
})

describe('assign by load', () => {
  const loadOf = (assignment: Assignment, loads: readonly number[]): number[] => {
    const sums = assignment.replicas.map(() => 0)
    for (const [slice, owner] of assignment.owners.entries()) sums[owner] = (sums[owner] ?? 0) + (loads[slice] ?? 0)
    return sums
  }

  it('moves slices from the hottest replica to the coldest until all are near the mean', () => {
    const pick = random(3)
    for (let round = 0; round < 20; round++) {
      const members = names(3 + pick(10))
      let assignment = next(undefined, members)
      const loads = assignment.owners.map((owner) => (owner === 0 ? 50 : 5) + pick(20))
      for (let step = 0; step < 20; step++) {
        const before = assignment
        assignment = next(before, members, { loads })
        expect(movedPerMille(before, assignment)).toBeLessThanOrEqual(1_000 * (0.1 + 1 / before.owners.length))
        if (assignment === before) break
      }
      const sums = loadOf(assignment, loads)
      const mean = sums.reduce((sum, load) => sum + load, 0) / sums.length
      expect(Math.max(...sums)).toBeLessThanOrEqual(1.2 * mean)
    }
  })

  it('leaves alone what is within the tolerance', () => {
    const assignment = next(undefined, names(4))
    const loads = assignment.owners.map((owner) => 100 + owner)
    expect(next(assignment, names(4), { loads })).toBe(assignment)
  })

  it('cuts a hot slice in two, and stops at a key that is hot by itself', () => {
    const members = names(2)
    let assignment = next(undefined, members)
    const hot = 0x1234_5678
    let steps = 0
    for (; steps < 50; steps++) {
      const loads = assignment.owners.map(() => 0)
      loads[sliceOf(loads.length, hot)] = 1_000
      const after = next(assignment, members, { loads })
      if (after === assignment) break
      expect(ownerOf(after, hot)).toBe(ownerOf(assignment, hot)) // it cannot get better, so it does not move
      assignment = after
    }
    expect(steps).toBeLessThan(10)
    expect(assignment.owners.length).toBe(512)
  })

  it('leaves a hot slice where it is when its move would only turn the gap around', () => {
    const before = next(undefined, names(2))
    const [hot = 0, other = 0] = [0, 1].map((owner) => before.owners.indexOf(owner))
    const loads = before.owners.map((_, slice) => (slice === hot ? 101 : slice === other ? 50 : 0))
    const after = next(before, names(2), { loads })
    expect(movedPerMille(before, after)).toBe(0)
    expect(after.owners.length).toBe(2 * before.owners.length) // it is cut in two instead
  })

  it('gives the slices of a replica that left to those with least load, and a newcomer its share', () => {
    const before = next(undefined, names(3))
    const loads = before.owners.map((owner) => [10, 1, 4][owner] ?? 0)
    const without = next(before, names(2, 1), { loads })
    const sums = loadOf(without, loads)
    expect(Math.max(...sums) / Math.min(...sums)).toBeLessThan(1.3)
    const even = before.owners.map(() => 3)
    const joined = next(before, names(4), { loads: even })
    const mean = (64 * 3) / 4
    expect(Math.max(...loadOf(joined, even))).toBeLessThanOrEqual(1.2 * mean)
    expect(Math.min(...loadOf(joined, even))).toBeGreaterThanOrEqual(0.8 * mean)
  })
})
