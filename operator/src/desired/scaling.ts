import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type Manifest } from './manifest.js'
import type { PlannedGroup, VersionPlan } from './version-plan.js'
import { groupSelector, isAutoscaled, WEAVELET_ROLE } from './workload.js'

/**
 * A pod that is not ready does not serve: a budget that it exhausts must not block the draining of
 * a node.
 */
export const EVICT_UNHEALTHY = { unhealthyPodEvictionPolicy: 'AlwaysAllow' } as const

/**
 * One autoscaler per group and version, so that no two versions share a decision; `undefined` when
 * the number is fixed.
 */
export function buildAutoscaler(plan: VersionPlan, group: PlannedGroup): Manifest | undefined {
  if (!isAutoscaled(group)) return undefined
  return finishManifest(
    k8s.KubeHorizontalPodAutoscalerV2.manifest({
      metadata: childMetadata(plan.app, group.workloadName, labelsOf(plan, group)),
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: group.workloadName },
        minReplicas: Math.max(1, group.replicas.min), // 0 is refused without a feature gate
        maxReplicas: group.replicas.max,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: group.replicas.cpu } } }],
      },
    }),
  )
}

/** Node drains take one replica at a time; with a single replica a budget would only block them. */
export function buildDisruptionBudget(plan: VersionPlan, group: PlannedGroup): Manifest | undefined {
  if (group.replicas.min <= 1) return undefined
  return finishManifest(
    k8s.KubePodDisruptionBudget.manifest({
      metadata: childMetadata(plan.app, group.workloadName, labelsOf(plan, group)),
      spec: {
        maxUnavailable: k8s.IntOrString.fromNumber(1),
        selector: { matchLabels: groupSelector(plan, group) },
        ...EVICT_UNHEALTHY,
      },
    }),
  )
}

function labelsOf(plan: VersionPlan, group: PlannedGroup): Record<string, string> {
  return appLabels(plan.app, { version: plan.versionId, group: group.name, role: WEAVELET_ROLE })
}
