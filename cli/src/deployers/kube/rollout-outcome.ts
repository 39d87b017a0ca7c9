import type { WeaverApp } from '@weaver/crds'

export type RolloutOutcome =
  | { readonly kind: 'going'; readonly isSeen: boolean }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string }
  /** Needs a user, but may also resolve by itself: an image that cannot be pulled at present. */
  | { readonly kind: 'stalled'; readonly message: string }
  | { readonly kind: 'superseded'; readonly message: string }

/** What an app's status says about one generation of its spec. A pure function. */
export function rolloutOutcome(app: WeaverApp, generation: number): RolloutOutcome {
  const { status } = app
  if (app.metadata.deletionTimestamp !== undefined) return { kind: 'superseded', message: 'it is being deleted' }
  if (app.metadata.generation > generation)
    return {
      kind: 'superseded',
      message: `someone changed it again (generation ${app.metadata.generation}, this rollout is ${generation})`,
    }
  if (status === undefined || (status.observedGeneration ?? 0) < generation) return { kind: 'going', isSeen: false }
  const messageOf = (type: string, value: 'True' | 'False'): string | undefined =>
    status.conditions?.find((c) => c.type === type && c.status === value)?.message
  const stalled = messageOf('Stalled', 'True')
  if (status.phase === 'Failed')
    return { kind: 'failed', message: stalled ?? messageOf('Degraded', 'True') ?? status.waitingFor ?? 'the operator gives no reason' }
  if (stalled !== undefined) return { kind: 'stalled', message: stalled }
  return status.phase === 'Ready' && messageOf('Ready', 'True') !== undefined ? { kind: 'done' } : { kind: 'going', isSeen: true }
}

/** The observed share of a version, in percent; 0 if unknown or if there is no such version. */
export function observedShare(app: WeaverApp, version: string): number {
  return app.status?.versions?.find((v) => v.id === version)?.weightObserved ?? 0
}
