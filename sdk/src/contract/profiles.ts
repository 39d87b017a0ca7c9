/**
 * Profiles of V8 as `node:inspector` gives them. The files open in Chrome's DevTools and in other tools: `.cpuprofile`, `.heapprofile`.
 */
export interface CallFrame {
  readonly functionName: string
  readonly scriptId: string
  readonly url: string
  readonly lineNumber: number
  readonly columnNumber: number
}

/** Times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly CpuNode[]
  readonly startTime: number
  readonly endTime: number
  /** Ids of nodes, one for each sample. */
  readonly samples: readonly number[]
  /** Time since the sample before, one for each. */
  readonly timeDeltas: readonly number[]
}
export interface CpuNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly hitCount?: number
  readonly children?: readonly number[]
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
}

/** Memory that was allocated and is still in use, by where it was allocated; sampled. */
export interface HeapProfile {
  readonly head: HeapNode
  readonly samples: readonly { readonly size: number; readonly nodeId: number; readonly ordinal: number }[]
}
export interface HeapNode {
  readonly id: number
  readonly callFrame: CallFrame
  /** Bytes. */
  readonly selfSize: number
  readonly children: readonly HeapNode[]
}
