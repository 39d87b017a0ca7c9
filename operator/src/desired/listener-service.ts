import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type Manifest } from './manifest.js'
import type { PlannedListener, VersionPlan } from './version-plan.js'
import { groupSelector } from './workload.js'

/**
 * One version's end of a listener. Users never dial it: its EndpointSlices list the serving pods
 * for the proxies. Its selector is never edited.
 */
export function buildListenerService(plan: VersionPlan, listener: PlannedListener): Manifest {
  const group = plan.groups.find((g) => g.listeners.includes(listener))
  return finishManifest(
    k8s.KubeService.manifest({
      metadata: childMetadata(plan.app, listener.serviceName, appLabels(plan.app, { version: plan.versionId, listener: listener.name })),
      spec: {
        type: 'ClusterIP',
        // Every listener of a graph belongs to a component, and every component to a group.
        selector: group === undefined ? {} : groupSelector(plan, group),
        ports: [
          { name: 'listener', port: listener.servicePort, targetPort: k8s.IntOrString.fromNumber(listener.containerPort), protocol: 'TCP' },
        ],
      },
    }),
  )
}
