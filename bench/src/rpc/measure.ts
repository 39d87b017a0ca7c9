import { percentile } from '../statistics.js'
import type { Figures } from './row.js'

export type Sample = Pick<Figures, 'callsPerSecond' | 'p50Us' | 'p99Us' | 'clientCpuUs'> & { readonly calls: number }

export const CALLERS = 64
export const WARM_UP_CALLS = 10_000
export const SINGLE_CALLS = 2_000
/**
 * No more than this for either of them, on a machine that is very busy: a row that is not warm is
 * not compared fairly.
 */
const LONGEST_MS = 15_000

/** Around the part with 64 callers, which is the one whose CPU counts. */
export interface Phases {
  /** Waits until it may begin. */
  begin(): Promise<void>
  end(): Promise<void>
}

/** Measures one kind of call: warm-up, one caller, 64 callers. */
export async function measure(call: () => Promise<unknown>, seconds: number, phases: Phases): Promise<Sample> {
  await inParallel(CALLERS, countdown(WARM_UP_CALLS), call)
  const single: number[] = []
  const goesOn = countdown(SINGLE_CALLS)
  while (goesOn()) {
    const start = performance.now()
    await call()
    single.push(performance.now() - start)
  }
  await phases.begin()
  const latencies: number[] = []
  const cpu = process.cpuUsage()
  const started = performance.now()
  const until = started + seconds * 1_000
  await inParallel(
    CALLERS,
    () => performance.now() < until,
    async () => {
      const start = performance.now()
      await call()
      latencies.push(performance.now() - start)
    },
  )
  const took = performance.now() - started
  const used = process.cpuUsage(cpu)
  await phases.end()
  return {
    callsPerSecond: latencies.length / (took / 1_000),
    p50Us: percentile(single, 50) * 1_000,
    p99Us: percentile(latencies, 99) * 1_000,
    clientCpuUs: (used.user + used.system) / latencies.length,
    calls: latencies.length,
  }
}

function countdown(from: number): () => boolean {
  let left = from
  const until = performance.now() + LONGEST_MS
  return () => left-- > 0 && performance.now() < until
}

export async function inParallel(callers: number, goesOn: () => boolean, call: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (goesOn()) await call()
    }),
  )
}
