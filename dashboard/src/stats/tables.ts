/** Sums of calls as a table of methods, and as edges of a graph. Pure. */
import type { CallHistory, WindowName } from './call-history.js'
import { addSum, emptySum, parseKey, rowOf, type CallStatsRow, type CallSum } from './calls.js'

export interface MethodRow {
  readonly component: string
  readonly method: string
  readonly isRemote: boolean
  readonly minute: CallStatsRow
  readonly hour: CallStatsRow
  /** Of the processes that run, since each began: what `weaver multi metrics` adds up to. */
  readonly total: CallStatsRow
}

export interface MethodTable {
  readonly rows: readonly MethodRow[]
  /** What `minute` and `hour` cover: less, when the dashboard has not looked for so long. */
  readonly coveredMs: { readonly minute: number; readonly hour: number }
}

export interface TrafficEdge {
  readonly caller: string
  readonly component: string
  readonly isRemote: boolean
  /** Calls a second within the last minute. */
  readonly rate: number
  readonly minute: CallStatsRow
  readonly total: CallStatsRow
}

const WINDOWS: readonly WindowName[] = ['minute', 'hour', 'total']

export function methodTable(history: CallHistory): MethodTable {
  const rows = grouped(history, ({ component, method, isRemote }) => [component, method, isRemote])
  const windows = { minute: history.window('minute'), hour: history.window('hour') }
  return {
    rows: rows.map(({ key: [component, method, isRemote], stats }) => ({ component, method, isRemote, ...stats })),
    coveredMs: { minute: windows.minute.coveredMs ?? 0, hour: windows.hour.coveredMs ?? 0 },
  }
}

export function trafficEdges(history: CallHistory): readonly TrafficEdge[] {
  const coveredMs = history.window('minute').coveredMs ?? 0
  return grouped(history, ({ caller, component, isRemote }) => [caller, component, isRemote]).map(
    ({ key: [caller, component, isRemote], stats: { minute, total } }) => ({
      caller,
      component,
      isRemote,
      rate: coveredMs === 0 ? 0 : minute.calls / (coveredMs / 1_000),
      minute,
      total,
    }),
  )
}

/** Adds up what has the same key, in each window; sorted by key. */
function grouped(
  history: CallHistory,
  keyOf: (key: ReturnType<typeof parseKey>) => readonly [string, string, boolean],
): readonly { readonly key: readonly [string, string, boolean]; readonly stats: Record<WindowName, CallStatsRow> }[] {
  const groups = new Map<string, { readonly key: readonly [string, string, boolean]; readonly sums: Record<WindowName, CallSum> }>()
  for (const name of WINDOWS)
    for (const [text, sum] of history.window(name).sums) {
      const key = keyOf(parseKey(text))
      const id = JSON.stringify(key)
      let group = groups.get(id)
      if (group === undefined) groups.set(id, (group = { key, sums: { minute: emptySum(), hour: emptySum(), total: emptySum() } }))
      addSum(group.sums[name], sum)
    }
  return [...groups.values()]
    .sort((a, b) => compare(a.key[0], b.key[0]) || compare(a.key[1], b.key[1]) || Number(a.key[2]) - Number(b.key[2]))
    .map(({ key, sums }) => ({
      key,
      stats: {
        minute: rowOf(sums.minute, history.bounds),
        hour: rowOf(sums.hour, history.bounds),
        total: rowOf(sums.total, history.bounds),
      },
    }))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
