import { networkPolicyName, LABELS } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type Manifest } from './manifest.js'
import { HEALTH_PORT, type VersionPlan } from './version-plan.js'
import { WEAVELET_ROLE } from './workload.js'

/**
 * The second wall around a version; the first is its broker account. Only proxies of the same app
 * reach its listeners; the health port is open, because kubelets probe from node addresses that no
 * selector names. Egress is open: components use databases and the internet, and versions have no
 * port to dial each other, since RPC goes through the broker.
 */
export function buildVersionNetworkPolicy(plan: VersionPlan): Manifest {
  const port = (number: number): k8s.NetworkPolicyPort => ({ port: k8s.IntOrString.fromNumber(number), protocol: 'TCP' })
  const proxies = { podSelector: { matchLabels: { [LABELS.app]: plan.app.name, [LABELS.role]: 'proxy' } } }
  const isProxied = plan.trafficDriver === 'proxy'
  const listeners: k8s.NetworkPolicyIngressRule[] =
    plan.listeners.length === 0
      ? []
      : [{ ...(isProxied ? { from: [proxies] } : {}), ports: plan.listeners.map((l) => port(l.containerPort)) }]
  return finishManifest(
    k8s.KubeNetworkPolicy.manifest({
      metadata: childMetadata(plan.app, networkPolicyName(plan.app.name, plan.versionId), appLabels(plan.app, { version: plan.versionId })),
      spec: {
        podSelector: { matchLabels: { [LABELS.app]: plan.app.name, [LABELS.version]: plan.versionId, [LABELS.role]: WEAVELET_ROLE } },
        policyTypes: ['Ingress'],
        ingress: [{ ports: [port(HEALTH_PORT)] }, ...listeners],
      },
    }),
  )
}
