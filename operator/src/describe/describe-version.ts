/**
 * Drives the describe pod of one version, level-based: each call observes the pod and takes the
 * next step. The pod is the only memory between calls, so the operator may die at any time.
 *
 * I1  The pod is deleted only by `forgetDescription`, which the caller calls after it has stored
 *     the result: a crash in between reads the log again.
 * I2  A failed pod stays for RETRY_AFTER_MS, so that a broken image costs one pod in five minutes,
 *     and a tag that was pushed again is found. A new operator begins anew.
 */
import { describePodName, type WeaverAppSpec } from '@weaver/crds'
import { KINDS, type KubeApi } from '@weaver/kube'
import { buildDescribePod } from '../desired/describe-pod.js'
import type { SeenSince } from '../clock/seen-since.js'
import type { AppIdentity } from '../desired/manifest.js'
import { applyOwn, deleteOwn, isOwn } from '../kube/own-objects.js'
import { describeProgress, readDescription, type Described, type DescribeFailure } from './describe-outcome.js'
import type { Pod } from './pod-view.js'

const RETRY_AFTER_MS = 300_000
const POLL_MS = 1_000

export interface DescribeRequest {
  readonly app: AppIdentity
  readonly versionId: string
  readonly spec: WeaverAppSpec
  /** The pod as the cache has it. */
  readonly pod: Pod | undefined
  /** For how long pods have been seen failed, by uid. */
  readonly failed: SeenSince
  readonly signal?: AbortSignal
}
export type DescribeStep =
  | { readonly state: 'done'; readonly result: Described & { readonly ok: true } }
  | { readonly state: 'waiting'; readonly message: string; readonly trouble?: DescribeFailure; readonly requeueAfterMs: number }
  | { readonly state: 'failed'; readonly reason: DescribeFailure; readonly message: string; readonly requeueAfterMs: number }

/** One step towards the description of a version. */
export async function describeVersion(api: KubeApi, request: DescribeRequest): Promise<DescribeStep> {
  const { app, versionId, spec, failed, signal } = request
  const pod = isOwn(app.uid, request.pod) ? request.pod : undefined
  const options = signal === undefined ? {} : { signal }
  if (pod === undefined) {
    await applyOwn(api, KINDS.pods, buildDescribePod(app, versionId, spec), options)
    return { state: 'waiting', message: `image "${spec.image}" is being described`, requeueAfterMs: POLL_MS }
  }
  if (pod.metadata.deletionTimestamp !== undefined)
    return { state: 'waiting', message: 'the last describe pod is going away', requeueAfterMs: POLL_MS }
  const progress = describeProgress(pod, spec.image)
  if (progress.state === 'running')
    return {
      state: 'waiting',
      message: progress.message,
      ...(progress.trouble === undefined ? {} : { trouble: progress.trouble }),
      requeueAfterMs: 2 * POLL_MS,
    }
  const outcome =
    progress.state === 'failed' ? progress : readDescription(pod, spec.image, await api.podLogs(app.namespace, pod.metadata.name, options))
  if ('ok' in outcome && outcome.ok) return { state: 'done', result: outcome }
  const uid = pod.metadata.uid ?? ''
  const failedMs = failed.elapsedMs(uid)
  if (failedMs >= RETRY_AFTER_MS) {
    await forgetDescription(api, { app, versionId, ...options })
    failed.forget(uid)
    return { state: 'failed', reason: outcome.reason, message: outcome.message, requeueAfterMs: POLL_MS }
  }
  return { state: 'failed', reason: outcome.reason, message: outcome.message, requeueAfterMs: RETRY_AFTER_MS - failedMs }
}

/** Deletes the pod; its result is stored. Idempotent. */
export async function forgetDescription(
  api: KubeApi,
  which: { readonly app: AppIdentity; readonly versionId: string; readonly signal?: AbortSignal },
): Promise<void> {
  const { namespace, name, uid } = which.app
  const pod = { namespace, name: describePodName(name, which.versionId), owner: uid }
  await deleteOwn(api, KINDS.pods, pod, which.signal === undefined ? {} : { signal: which.signal })
}
