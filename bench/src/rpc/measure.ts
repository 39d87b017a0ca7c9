export interface Sample {
  /** Calls in a second with 64 callers. */
  readonly callsPerSecond: number
  /** Latency of a single caller, microseconds. */
  readonly p50Us: number
  /** 99th percentile with 64 callers, microseconds. */
  readonly p99Us: number
  /** CPU of this process for one call with 64 callers, microseconds. */
  readonly cpuUs: number
  /** Calls measured with 64 callers. */
  readonly calls: number
}

const CALLERS = 64
const WARM_UP_CALLS = 10_000
const SINGLE_CALLS = 2_000

/** Measures one kind of call: warm-up, one caller, 64 callers. */
export async function measure(call: () => Promise<unknown>, seconds: number): Promise<Sample> {
  await inParallel(CALLERS, countdown(WARM_UP_CALLS), call)
  const single: number[] = []
  for (let i = 0; i < SINGLE_CALLS; i++) {
    const start = performance.now()
    await call()
    single.push(performance.now() - start)
  }
  const latencies: number[] = []
  const until = performance.now() + seconds * 1_000
  const cpu = process.cpuUsage()
  const started = performance.now()
  await inParallel(
    CALLERS,
    () => performance.now() < until,
    async () => {
      const start = performance.now()
      await call()
      latencies.push(performance.now() - start)
    },
  )
  const used = process.cpuUsage(cpu)
  return {
    callsPerSecond: latencies.length / ((performance.now() - started) / 1_000),
    p50Us: percentile(single, 50) * 1_000,
    p99Us: percentile(latencies, 99) * 1_000,
    cpuUs: (used.user + used.system) / latencies.length,
    calls: latencies.length,
  }
}

function countdown(from: number): () => boolean {
  let left = from
  return () => left-- > 0
}

async function inParallel(callers: number, goesOn: () => boolean, call: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (goesOn()) await call()
    }),
  )
}

function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
