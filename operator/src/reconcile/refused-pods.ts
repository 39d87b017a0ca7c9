import type { WeaverAppSpec } from '@weaver/crds'
import { isWeaverError } from '@weaver/sdk/contract'
import { isKubeError, KINDS, type KubeApi } from '@weaver/kube'
import type { Described } from '../describe/describe-outcome.js'
import type { AppIdentity } from '../desired/manifest.js'
import { planVersion } from '../desired/version-plan.js'
import { buildWorkload } from '../desired/workload.js'
import { snapshotOf } from './live-versions.js'

/**
 * Why Linux or the API server would refuse the pods of a spec, before any object of the version is
 * created: only the API server knows what a pod template may contain. It is asked by a dry run of
 * each group's workload. A refusal that may pass, like a quota's, is not a fault of the spec; it
 * shows when the workload is created.
 */
export async function refusedPods(
  api: KubeApi,
  of: {
    readonly app: AppIdentity
    readonly spec: WeaverAppSpec
    readonly versionId: string
    readonly described: Described & { readonly ok: true }
    readonly signal: AbortSignal
  },
): Promise<string[]> {
  const plan = planVersion(of.app, snapshotOf(of), of.spec)
  const refusals = await Promise.all(
    plan.groups.map(async (group) => {
      try {
        await api.checkCreation(KINDS.deployments, buildWorkload(plan, group, ['nats://broker:4222']), { signal: of.signal })
        return []
      } catch (error) {
        if (isWeaverError(error, 'WEAVER_BOOTSTRAP_TOO_LARGE')) return [`spec.config: ${error.message}`]
        if (!isKubeError(error, 422) && !isKubeError(error, 400)) {
          if (of.signal.aborted) throw error
          return []
        }
        return [
          `spec: the API server refuses the pods of group "${group.name}": ${error.message}; correct spec.podTemplate, volumes, env or resources, of the app or of the group`,
        ]
      }
    }),
  )
  return refusals.flat()
}
