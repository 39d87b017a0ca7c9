import type { Goal } from '../table.js'
import type { Payload } from './row.js'
import { against, summarize, type Measured } from './schedule.js'

interface Multiple {
  readonly payload: Payload
  readonly row: string
  readonly peer: string
  readonly atLeast: number
}

/** Calls in a second, as multiples of a peer's. */
const MULTIPLES: readonly Multiple[] = [
  { payload: 'tiny', row: 'weaver-unbatched', peer: 'mux', atLeast: 0.9 },
  { payload: 'tiny', row: 'weaver', peer: 'mux', atLeast: 1.6 },
  { payload: 'order', row: 'weaver-unbatched', peer: 'mux', atLeast: 0.7 },
  { payload: 'order', row: 'weaver', peer: 'mux', atLeast: 0.8 },
  { payload: 'tiny', row: 'weaver', peer: 'moleculer', atLeast: 2.5 },
  { payload: 'tiny', row: 'weaver', peer: 'nestjs', atLeast: 5.5 },
  { payload: 'tiny', row: 'weaver', peer: 'grpc', atLeast: 15 },
  { payload: 'tiny', row: 'weaver', peer: 'undici', atLeast: 3.3 },
  { payload: 'tiny', row: 'weaver-unbatched', peer: 'service-weaver', atLeast: 1 },
  { payload: 'order', row: 'weaver-unbatched', peer: 'service-weaver', atLeast: 1.25 },
  { payload: 'tiny', row: 'weaver', peer: 'service-weaver', atLeast: 1.75 },
  { payload: 'order', row: 'weaver', peer: 'service-weaver', atLeast: 1.4 },
  { payload: 'tiny', row: 'observed', peer: 'unobserved', atLeast: 0.9 },
]
/** Median latency of a single caller, as a multiple of the floor's. */
const LATENCY = { row: 'weaver', peer: 'mux', atMost: 1.15 }

/** The goals whose rows were measured. */
export function rpcGoals(runs: readonly Measured[], floor: string): readonly Goal[] {
  const multiples = MULTIPLES.flatMap(({ payload, row, peer, atLeast }): Goal[] => {
    const reached = against(runs, { floor, payload, row, peer })
    if (reached === undefined) return []
    return [
      { what: `${payload}: ${row} ÷ ${peer}, calls/s`, goal: `≥ ${atLeast}`, reached: reached.toFixed(2), isReached: reached >= atLeast },
    ]
  })
  if (floor !== LATENCY.peer) return multiples
  const latencies = (['tiny', 'order'] as const).flatMap((payload): Goal[] => {
    const p50 = summarize(runs, floor, payload).find(({ row }) => row === LATENCY.row)?.p50
    if (p50 === undefined) return []
    const what = `${payload}: ${LATENCY.row} ÷ ${LATENCY.peer}, p50 of one caller`
    return [{ what, goal: `≤ ${LATENCY.atMost}`, reached: p50.toFixed(2), isReached: p50 <= LATENCY.atMost }]
  })
  return [...multiples, ...latencies]
}
