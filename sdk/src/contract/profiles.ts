/**
 * Profiles of V8 in the format of `node:inspector`. Chrome's DevTools and other tools open the
 * files: `.cpuprofile`, `.heapprofile`.
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
  /** Node ids, one per sample. */
  readonly samples: readonly number[]
  /** Time since the previous sample, one per sample. */
  readonly timeDeltas: readonly number[]
}
export interface CpuNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly hitCount?: number
  readonly children?: readonly number[]
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
}

/** Memory that was allocated and is still in use, by place of allocation; sampled. */
export interface HeapProfile {
  readonly head: HeapNode
  readonly samples: readonly { readonly size: number; readonly nodeId: number; readonly ordinal: number }[]
}
export interface HeapNode {
  readonly id: number
  readonly callFrame: CallFrame
  /** In bytes. */
  readonly selfSize: number
  readonly children: readonly HeapNode[]
}
