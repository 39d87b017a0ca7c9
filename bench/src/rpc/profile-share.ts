/** What a CPU profile says about the parts of a call. Pure. */

export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}
/** A `.cpuprofile` as V8 writes it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples?: readonly number[]
  readonly timeDeltas?: readonly number[]
}

export const PARTS = [
  'codec',
  'frame and rpc',
  'nats client',
  'context (AsyncLocalStorage)',
  'metrics, traces, logs',
  'stubs, component',
  'writes to sockets (system calls)',
  'node: sockets, streams, events',
  'engine',
  'garbage collector',
  'benchmark',
  'other',
] as const
export type Part = (typeof PARTS)[number]

/** Methods of Node's stream handles. */
const SOCKET_WRITES: ReadonlySet<string> = new Set(['writeBuffer', 'writev', 'writeUtf8String', 'writeLatin1String'])

/** Idle time, and what the profiler itself takes. */
const NOT_COUNTED = 'not counted'

/** The first that fits. A file of the SDK is named as it lies in `dist`. */
const FILES: readonly (readonly [RegExp, Part | typeof NOT_COUNTED])[] = [
  [/^node:inspector/, NOT_COUNTED],
  [/sdk\/(dist|src)\/codec\//, 'codec'],
  [/sdk\/(dist|src)\/rpc\/transport\/nats-transport/, 'nats client'],
  [/sdk\/(dist|src)\/context\/(context|cancellation)/, 'context (AsyncLocalStorage)'],
  [/sdk\/(dist|src)\/(context|rpc)\//, 'frame and rpc'],
  [/sdk\/(dist|src)\/telemetry\/|@opentelemetry\//, 'metrics, traces, logs'],
  [/sdk\/(dist|src)\//, 'stubs, component'],
  [/node_modules\/nats\//, 'nats client'],
  [/^node:async_hooks|^node:internal\/(async_hooks|async_local_storage)/, 'context (AsyncLocalStorage)'],
  [/^node:/, 'node: sockets, streams, events'],
  [/bench\/(dist|src)\//, 'benchmark'],
]

/** Where a frame belongs; `undefined`: where its caller belongs. */
function partOf({ functionName, url }: ProfileNode['callFrame']): Part | typeof NOT_COUNTED | undefined {
  if (functionName === '(idle)') return NOT_COUNTED
  if (functionName === '(garbage collector)') return 'garbage collector'
  if (functionName === '(program)') return 'engine'
  if (functionName === '(root)') return 'other'
  if (SOCKET_WRITES.has(functionName) && url === '') return 'writes to sockets (system calls)'
  // A builtin does the work of whoever called it.
  if (url === '') return undefined
  if (/weaver\.gen\./.test(url)) return /^(write|read|encode|decode)/.test(functionName) ? 'codec' : 'stubs, component'
  return FILES.find(([file]) => file.test(url))?.[1] ?? 'other'
}

/** Shares of the time that counts, by where it was spent itself; they add up to 1. */
export function shareByPart({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Readonly<Record<Part, number>> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const partById = new Map<number, Part | typeof NOT_COUNTED>()
  const visit = (node: ProfileNode, inherited: Part | typeof NOT_COUNTED): void => {
    const part = partOf(node.callFrame) ?? inherited
    partById.set(node.id, part)
    for (const child of node.children ?? []) {
      const found = byId.get(child)
      if (found !== undefined) visit(found, part)
    }
  }
  const children = new Set(nodes.flatMap((node) => node.children ?? []))
  for (const node of nodes) if (!children.has(node.id)) visit(node, 'other')
  const spent = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number> // all parts are there
  let total = 0
  for (const [i, id] of samples.entries()) {
    const part = partById.get(id) ?? 'other'
    if (part === NOT_COUNTED) continue
    const us = Math.max(0, timeDeltas[i] ?? 0)
    spent[part] += us
    total += us
  }
  for (const part of PARTS) spent[part] /= total || 1
  return spent
}
