/** What the processes of a version have counted, and what they have counted since one looked last. */
import type { LatencyHistogram } from './latency.js'

/** One counter set of a process. All numbers only grow while the process lives. */
export interface MethodReading {
  /** The component that calls; `undefined`: the calls come from outside. */
  readonly caller: string | undefined
  readonly component: string
  readonly method: string
  readonly calls: number
  readonly errors: number
  /** Of the calls that were timed. */
  readonly latency?: LatencyHistogram
}
export interface ReplicaReading {
  readonly replica: string
  readonly methods: readonly MethodReading[]
}

/** What the processes of one version have counted since the last reading. */
export class Increments {
  readonly #last = new Map<string, ReadonlyMap<string, MethodReading>>()

  /**
   * A process that is seen for the first time gives nothing, as it is not known when it counted
   * what it did. A process whose numbers shrank has begun anew, and gives all that it has.
   */
  take(readings: readonly ReplicaReading[]): readonly MethodReading[] {
    return readings.flatMap(({ replica, methods }) => {
      const before = this.#last.get(replica)
      this.#last.set(replica, new Map(methods.map((one) => [keyOf(one), one])))
      if (before === undefined) return []
      const beganAnew = hasShrunk(before, methods)
      return methods.map((one) => (beganAnew ? one : minus(one, before.get(keyOf(one)))))
    })
  }
}

function hasShrunk(before: ReadonlyMap<string, MethodReading>, now: readonly MethodReading[]): boolean {
  const present = new Map(now.map((one) => [keyOf(one), one]))
  return [...before].some(([key, { calls, errors }]) => {
    const after = present.get(key)
    return after === undefined || after.calls < calls || after.errors < errors
  })
}

function minus(now: MethodReading, before: MethodReading | undefined): MethodReading {
  if (before === undefined) return now
  const { latency } = now
  return {
    ...now,
    calls: now.calls - before.calls,
    errors: now.errors - before.errors,
    ...(latency === undefined ? {} : { latency: { bounds: latency.bounds, buckets: subtract(latency.buckets, before.latency?.buckets) } }),
  }
}

function subtract(now: readonly number[], before: readonly number[] | undefined): readonly number[] {
  return now.map((count, i) => Math.max(0, count - (before?.[i] ?? 0)))
}

function keyOf({ caller, component, method }: MethodReading): string {
  return JSON.stringify([caller, component, method])
}
