/** The order in which rows run, and what is made of their figures. Pure. */
import { mean, median } from '../statistics.js'
import type { Figures, Payload } from './row.js'

/** So many rows between two runs of the floor. */
const FLOOR_EVERY = 4

/**
 * One round: the floor first, last, and every few rows; the rows rotated, so that none always runs
 * after the same one.
 */
export function scheduleRound(rows: readonly string[], floor: string, round: number): readonly string[] {
  const others = rows.filter((row) => row !== floor)
  const rotated = others.map((_, i) => others[(i + round * 3) % others.length] as string) // the index is in bounds
  const plan = [floor]
  for (const [i, row] of rotated.entries()) {
    plan.push(row)
    if ((i + 1) % FLOOR_EVERY === 0 || i === rotated.length - 1) plan.push(floor)
  }
  return plan
}

/** One run of one row; runs are kept in the order in which they were made. */
export interface Measured {
  readonly round: number
  readonly payload: Payload
  readonly row: string
  readonly figures: Figures
}

/** Of one run: its figures divided by those of the floor's runs just before and after it. */
export interface Ratios {
  readonly throughput: number
  readonly p50: number
  readonly cpu: number
}

export interface RowSummary {
  readonly row: string
  readonly runs: number
  /** Medians over the rounds, and the range of the first. */
  readonly throughput: number
  readonly throughputRange: readonly [number, number]
  readonly p50: number
  readonly cpu: number
  readonly figures: Figures
}

export const totalCpuUs = ({ clientCpuUs, serverCpuUs, brokerCpuUs }: Figures): number => clientCpuUs + serverCpuUs + brokerCpuUs

/**
 * Ratios of each run that has the floor before and after it in its round; those of the floor itself
 * are 1.
 */
export function ratiosOf(runs: readonly Measured[], floor: string): readonly (Measured & { readonly ratios: Ratios })[] {
  return runs.flatMap((run, at) => {
    const isNear = (other: Measured): boolean => other.row === floor && other.round === run.round && other.payload === run.payload
    const around =
      run.row === floor
        ? [run]
        : [runs.slice(0, at).findLast(isNear), runs.slice(at + 1).find(isNear)].filter((found) => found !== undefined)
    if (around.length === 0) return []
    const ratio = (of: (figures: Figures) => number): number => of(run.figures) / mean(around.map(({ figures }) => of(figures)))
    const ratios = { throughput: ratio((f) => f.callsPerSecond), p50: ratio((f) => f.p50Us), cpu: ratio(totalCpuUs) }
    return [{ ...run, ratios }]
  })
}

export function summarize(runs: readonly Measured[], floor: string, payload: Payload): readonly RowSummary[] {
  const all = ratiosOf(runs, floor).filter((run) => run.payload === payload)
  return [...new Set(all.map(({ row }) => row))].map((row) => {
    const own = all.filter((run) => run.row === row)
    const throughputs = own.map(({ ratios }) => ratios.throughput)
    const figure = (of: keyof Figures): number => median(own.map(({ figures }) => figures[of]))
    return {
      row,
      runs: own.length,
      throughput: median(throughputs),
      throughputRange: [Math.min(...throughputs), Math.max(...throughputs)],
      p50: median(own.map(({ ratios }) => ratios.p50)),
      cpu: median(own.map(({ ratios }) => ratios.cpu)),
      figures: {
        callsPerSecond: figure('callsPerSecond'),
        p50Us: figure('p50Us'),
        p99Us: figure('p99Us'),
        clientCpuUs: figure('clientCpuUs'),
        serverCpuUs: figure('serverCpuUs'),
        brokerCpuUs: figure('brokerCpuUs'),
        foreignCores: figure('foreignCores'),
      },
    }
  })
}

/**
 * Throughput of one row as a multiple of another's, by way of the floor: round by round, then the
 * median.
 */
export function against(
  runs: readonly Measured[],
  { floor, payload, row, peer }: { readonly floor: string; readonly payload: Payload; readonly row: string; readonly peer: string },
): number | undefined {
  // prettier-ignore
  const all = ratiosOf(runs, floor).filter((run) => run.payload === payload)
  const inRound = (name: string, round: number): readonly number[] =>
    all.filter((run) => run.row === name && run.round === round).map(({ ratios }) => ratios.throughput)
  const rounds = [...new Set(all.map(({ round }) => round))]
  const multiples = rounds.flatMap((round) => {
    const [own, others] = [inRound(row, round), inRound(peer, round)]
    return own.length === 0 || others.length === 0 ? [] : [mean(own) / mean(others)]
  })
  return multiples.length === 0 ? undefined : median(multiples)
}
