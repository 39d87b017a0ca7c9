import type { CpuProfile, HeapProfile } from '@weaver/sdk/contract'
import { mergeCpuProfiles, mergeHeapProfiles } from './merge-profiles.js'

const frame = (functionName: string, scriptId = '1') => ({
  functionName,
  scriptId,
  url: `file:///app/${functionName}.js`,
  lineNumber: 1,
  columnNumber: 0,
})
const cpu = (second: string, scriptId: string): CpuProfile => ({
  nodes: [
    { id: 1, callFrame: frame('(root)', '0'), hitCount: 0, children: [2] },
    { id: 2, callFrame: frame('main', scriptId), hitCount: 1, children: [3], positionTicks: [{ line: 7, ticks: 1 }] },
    { id: 3, callFrame: frame(second, scriptId), hitCount: 2, children: [] },
  ],
  startTime: 1_000,
  endTime: 1_300,
  samples: [2, 3, 3],
  timeDeltas: [100, 100, 100],
})

describe('profiles of several processes', () => {
  it('of the CPU become one: equal stacks add up, whatever their scripts are numbered, others stand beside each other', () => {
    const merged = mergeCpuProfiles([cpu('encode', '11'), cpu('encode', '42'), cpu('decode', '42')])
    const byName = new Map(merged.nodes.map((node) => [node.callFrame.functionName, node]))
    expect(merged.nodes).toHaveLength(4)
    expect([...byName].map(([name, { hitCount }]) => [name, hitCount]).sort()).toEqual([['(root)', 0], ['decode', 2], ['encode', 4], ['main', 3]]) // prettier-ignore
    expect(byName.get('main')?.children).toEqual([byName.get('encode')?.id, byName.get('decode')?.id])
    expect(byName.get('main')?.positionTicks).toEqual([{ line: 7, ticks: 3 }])
    expect(merged.endTime - merged.startTime).toBe(900)
    expect(merged.timeDeltas.reduce((a, b) => a + b)).toBe(900)
    const names = new Map(merged.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]))
    expect(merged.samples.map((id) => names.get(id))).toEqual([
      'main',
      'encode',
      'encode',
      'main',
      'encode',
      'encode',
      'main',
      'decode',
      'decode',
    ])
  })

  it('of the heap become one: memory of equal stacks adds up', () => {
    const heap = (name: string, size: number): HeapProfile => ({
      head: { id: 1, callFrame: frame('(root)'), selfSize: 0, children: [{ id: 9, callFrame: frame(name), selfSize: size, children: [] }] },
      samples: [{ size, nodeId: 9, ordinal: 1 }],
    })
    const merged = mergeHeapProfiles([heap('a', 10), heap('b', 5), heap('a', 1)])
    expect(merged.head.children.map(({ callFrame, selfSize }) => [callFrame.functionName, selfSize])).toEqual([['a', 11], ['b', 5]]) // prettier-ignore
    const [a, b] = merged.head.children.map(({ id }) => id)
    expect(merged.samples).toEqual([{ size: 10, nodeId: a, ordinal: 1 }, { size: 5, nodeId: b, ordinal: 2 }, { size: 1, nodeId: a, ordinal: 3 }]) // prettier-ignore
  })

  it('deeper than a stack of calls are merged too', () => {
    const depth = 20_000
    const deep: CpuProfile = {
      nodes: Array.from({ length: depth }, (_, i) => ({
        id: i + 1,
        callFrame: frame('f'),
        hitCount: 1,
        children: i + 1 < depth ? [i + 2] : [],
      })),
      startTime: 0,
      endTime: 1,
      samples: [depth],
      timeDeltas: [1],
    }
    expect(mergeCpuProfiles([deep, deep]).nodes).toHaveLength(depth)
  })

  it('of no process are refused', () => {
    expect(() => mergeCpuProfiles([])).toThrow(RangeError)
    expect(() => mergeHeapProfiles([])).toThrow(RangeError)
  })
})
