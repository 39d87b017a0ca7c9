import type { WeaverApp } from '@weaver/crds'
import { getApp } from './kube.js'
import type { Load, LoadSecond } from './load.js'
import { eventually } from './sh.js'

export interface WeightSample {
  readonly at: number
  readonly preview: string | undefined
  readonly desired: number | undefined
  readonly observed: number | undefined
}

/** Watches `status` while a rollout runs. `desired` and `observed` are the preview's share, in percent. */
export async function watchRollout(
  namespace: string,
  name: string,
  options: { readonly until: (app: WeaverApp) => boolean; readonly timeoutMs?: number; readonly onChange?: (app: WeaverApp) => void },
): Promise<{ readonly app: WeaverApp; readonly samples: readonly WeightSample[] }> {
  const samples: WeightSample[] = []
  let last = ''
  const app = await eventually(
    `WeaverApp ${namespace}/${name} to get where it should`,
    async () => {
      const now = await getApp(namespace, name)
      const preview = now.status?.versions?.find((version) => version.id === now.status?.preview)
      samples.push({ at: Date.now(), preview: now.status?.preview, desired: preview?.weightDesired, observed: preview?.weightObserved })
      const text = JSON.stringify([now.status?.phase, now.status?.weight, now.status?.step, now.status?.waitingFor])
      if (text !== last) options.onChange?.(now)
      last = text
      return options.until(now) ? now : undefined
    },
    { timeoutMs: options.timeoutMs ?? 180_000, everyMs: 250 },
  )
  return { app, samples }
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
 * The split that users saw at each step: for each weight that status called observed, the answers to requests sent in whole seconds during which nothing
 * changed (the first second of a step is left out: it holds requests sent before).
 */
export function splitPerStep(samples: readonly WeightSample[], seconds: readonly LoadSecond[]): readonly SplitAtStep[] {
  const steps = new Map<number, { preview: number; all: number }>()
  for (const second of seconds) {
    const around = samples.filter((sample) => sample.at >= second.at - 1000 && sample.at <= second.at + 2000)
    const [first] = around
    if (first?.desired === undefined || first.preview === undefined || around.length < 4) continue
    if (
      !around.every((sample) => sample.preview === first.preview && sample.desired === first.desired && sample.observed === first.desired)
    )
      continue
    const step = steps.get(first.desired) ?? { preview: 0, all: 0 }
    step.preview += second.byVersion[first.preview] ?? 0
    step.all += second.ok
    steps.set(first.desired, step)
  }
  return [...steps.entries()]
    .sort(([a], [b]) => a - b)
    .map(([weight, { preview, all }]) => ({ weight, requests: all, measured: (100 * preview) / all }))
}

export async function reportOf(load: Load): Promise<{ readonly sent: number; readonly failed: number; readonly mixed: number }> {
  const { sent, failed, mixed } = await load.report()
  return { sent, failed, mixed }
}
