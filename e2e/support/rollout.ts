import type { WeaverApp } from '@weaver/crds'
import { watchApp } from './app-watch.js'
import type { LoadSecond } from './load.js'

export interface WeightSample {
  readonly at: number
  readonly preview: string | undefined
  readonly desired: number | undefined
  readonly observed: number | undefined
}

export interface Watched {
  readonly app: WeaverApp
  readonly samples: readonly WeightSample[]
}

/**
 * Follows `status` while a rollout runs, through every state that was stored. `desired` and
 * `observed` are the preview's share, in percent. The last sample is of the moment at which `until`
 * was first true.
 */
export async function watchRollout(
  namespace: string,
  name: string,
  options: { readonly until: (app: WeaverApp) => boolean; readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Watched> {
  const timeoutMs = options.timeoutMs ?? 600_000
  const stop = new AbortController()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    stop.abort()
  }, timeoutMs)
  const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])])
  const samples: WeightSample[] = []
  let last: WeaverApp | undefined
  try {
    for await (const app of watchApp(namespace, name, signal)) {
      last = app
      const preview = app.status?.versions?.find((version) => version.id === app.status?.preview)
      samples.push({ at: Date.now(), preview: app.status?.preview, desired: preview?.weightDesired, observed: preview?.weightObserved })
      if (options.until(app)) return { app, samples }
    }
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
  const { phase, waitingFor } = last?.status ?? {}
  throw new Error(
    `gave up waiting for WeaverApp ${namespace}/${name} to get where it should, ${isLate ? `after ${timeoutMs} ms` : 'because another part failed'}: it is ${phase ?? 'without a status'}, and waits for ${waitingFor ?? 'nothing'}`,
  )
}

/** Ready on one version, with nothing left of the one before. */
export function settledOn(release: { readonly not?: string; readonly generation?: number }): (app: WeaverApp) => boolean {
  return (app) =>
    app.status?.phase === 'Ready' &&
    app.status.active !== undefined &&
    app.status.active !== release.not &&
    app.status.preview === undefined &&
    app.status.observedGeneration === app.metadata.generation &&
    (app.status.versions?.length ?? 0) === 1
}

export interface SplitAtStep {
  readonly weight: number
  readonly requests: number
  /** Share of requests that the preview answered, in percent. */
  readonly measured: number
}

/**
 * The split that users saw at each step: for each weight that status called observed, the answers
 * to requests sent in whole seconds during which nothing changed, from a second before (requests
 * sent then may be answered by the step before) to a second after.
 */
export function splitPerStep(samples: readonly WeightSample[], seconds: readonly LoadSecond[]): readonly SplitAtStep[] {
  const steps = new Map<number, { preview: number; all: number }>()
  for (const [index, { at: from, preview, desired, observed }] of samples.entries()) {
    const changed = samples
      .slice(index + 1)
      .find((next) => next.preview !== preview || next.desired !== desired || next.observed !== observed)
    if (preview === undefined || desired === undefined || observed !== desired || changed === undefined) continue
    const before = samples[index - 1]
    if (before?.preview === preview && before.desired === desired && before.observed === observed) continue // the same stretch
    const step = steps.get(desired) ?? { preview: 0, all: 0 }
    for (const second of seconds.filter(({ at }) => at >= from + 1000 && at + 2000 <= changed.at)) {
      step.preview += second.byVersion[preview] ?? 0
      step.all += second.ok
    }
    steps.set(desired, step)
  }
  return [...steps.entries()]
    .filter(([, { all }]) => all > 0)
    .sort(([a], [b]) => a - b)
    .map(([weight, { preview, all }]) => ({ weight, requests: all, measured: (100 * preview) / all }))
}
