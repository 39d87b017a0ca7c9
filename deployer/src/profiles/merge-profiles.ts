/** One profile of many: what several processes did, as if one had done it. */
import type { CallFrame, CpuNode, CpuProfile, HeapNode, HeapProfile } from '@weaver/sdk/contract'

/**
 * Two processes number their scripts in their own ways: a place in the program is known by its URL.
 */
function keyOf({ functionName, url, lineNumber, columnNumber }: CallFrame): string {
  return `${functionName} ${url}:${lineNumber}:${columnNumber}`
}

interface MergedCpuNode {
  readonly id: number
  readonly callFrame: CallFrame
  hitCount: number
  readonly children: Map<string, MergedCpuNode>
  readonly ticks: Map<number, number>
}

/**
 * One profile of several processes: equal stacks become one, their samples add up. The timeline
 * shows one process behind the other, so its length is the sum.
 * @throws RangeError for an empty list.
 */
export function mergeCpuProfiles(profiles: readonly CpuProfile[]): CpuProfile {
  const all: MergedCpuNode[] = []
  const make = (callFrame: CallFrame): MergedCpuNode => {
    const node = { id: all.length + 1, callFrame, hitCount: 0, children: new Map(), ticks: new Map() }
    all.push(node)
    return node
  }
  let root: MergedCpuNode | undefined
  const samples: number[] = []
  const timeDeltas: number[] = []
  let lengthUs = 0
  for (const profile of profiles) {
    const byId = new Map(profile.nodes.map((node) => [node.id, node]))
    const newIds = new Map<number, number>()
    const [first] = profile.nodes // V8 writes the root first
    if (first === undefined) continue
    root ??= make(first.callFrame)
    // A list, not recursion: stacks are as deep as the program's.
    const open: (readonly [CpuNode, MergedCpuNode])[] = [[first, root]]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [from, into] = next
      newIds.set(from.id, into.id)
      into.hitCount += from.hitCount ?? 0
      for (const { line, ticks } of from.positionTicks ?? []) into.ticks.set(line, (into.ticks.get(line) ?? 0) + ticks)
      for (const id of from.children ?? []) {
        const child = byId.get(id)
        if (child === undefined) continue
        const key = keyOf(child.callFrame)
        let merged = into.children.get(key)
        if (merged === undefined) into.children.set(key, (merged = make(child.callFrame)))
        open.push([child, merged])
      }
    }
    for (const [i, id] of profile.samples.entries()) {
      const newId = newIds.get(id)
      if (newId === undefined) continue
      samples.push(newId)
      timeDeltas.push(profile.timeDeltas[i] ?? 0)
    }
    lengthUs += profile.endTime - profile.startTime
  }
  if (root === undefined) throw new RangeError('there is no profile to merge')
  const nodes = all.map(({ id, callFrame, hitCount, children, ticks }) => ({
    id,
    callFrame,
    hitCount,
    children: [...children.values()].map((child) => child.id),
    ...(ticks.size === 0 ? {} : { positionTicks: [...ticks].map(([line, count]) => ({ line, ticks: count })) }),
  }))
  return { nodes, startTime: 0, endTime: lengthUs, samples, timeDeltas }
}

interface MergedHeapNode {
  readonly id: number
  readonly callFrame: CallFrame
  selfSize: number
  readonly children: Map<string, MergedHeapNode>
}

/**
 * One profile of several processes: memory of equal stacks adds up.
 * @throws RangeError for an empty list.
 */
export function mergeHeapProfiles(profiles: readonly HeapProfile[]): HeapProfile {
  let count = 0
  const make = (callFrame: CallFrame): MergedHeapNode => ({ id: ++count, callFrame, selfSize: 0, children: new Map() })
  let root: MergedHeapNode | undefined
  const samples: { size: number; nodeId: number; ordinal: number }[] = []
  for (const profile of profiles) {
    root ??= make(profile.head.callFrame)
    const newIds = new Map<number, number>()
    const open: (readonly [HeapNode, MergedHeapNode])[] = [[profile.head, root]]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [from, into] = next
      newIds.set(from.id, into.id)
      into.selfSize += from.selfSize
      for (const child of from.children) {
        const key = keyOf(child.callFrame)
        let merged = into.children.get(key)
        if (merged === undefined) into.children.set(key, (merged = make(child.callFrame)))
        open.push([child, merged])
      }
    }
    for (const { size, nodeId } of profile.samples) {
      const newId = newIds.get(nodeId)
      if (newId !== undefined) samples.push({ size, nodeId: newId, ordinal: samples.length + 1 })
    }
  }
  if (root === undefined) throw new RangeError('there is no profile to merge')
  return { head: plainHeap(root), samples }
}

function plainHeap({ id, callFrame, selfSize, children }: MergedHeapNode): HeapNode {
  return { id, callFrame, selfSize, children: [...children.values()].map(plainHeap) }
}
