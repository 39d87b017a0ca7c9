import { FINALIZER } from '@weaver/crds'
import { KINDS, type KubeApi } from '@weaver/kube'
import type { AppObject } from './pass-status.js'

/**
 * The app with the operator's finalizer, so that its accounts on the broker are deleted before it.
 */
export async function withFinalizer(api: KubeApi, app: AppObject, signal: AbortSignal): Promise<AppObject> {
  const finalizers = app.metadata.finalizers ?? []
  if (finalizers.includes(FINALIZER)) return app
  const body = { metadata: { resourceVersion: app.metadata.resourceVersion, finalizers: [...finalizers, FINALIZER] } }
  return api.patch<AppObject>(KINDS.weaverApps, app.metadata.namespace ?? '', app.metadata.name, body, { signal })
}

export function isSuspended(app: AppObject): boolean {
  return (app.spec as { readonly suspend?: unknown } | undefined)?.suspend === true
}
