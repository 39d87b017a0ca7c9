import { describePodName, type WeaverAppSpec } from '@weaver/crds'
import { DESCRIBE_PROGRAM } from '@weaver/sdk/contract'
import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type AppIdentity, type Manifest } from './manifest.js'
import { restrictedContainerContext, restrictedPod } from './pod-security.js'
import { strategicMerge } from './strategic-merge.js'
import { placement, placementOverlay, quantities } from './workload.js'

export const DESCRIBE_ROLE = 'describe'
export const DESCRIBE_CONTAINER = 'describe'
/** Time to pull a large image over a slow line, and print one file. */
export const DESCRIBE_DEADLINE_SECONDS = 300

/**
 * A pod of the version's image that prints its component graph and runs none of its code: the
 * command is replaced, and the variables that make Node load code first are emptied. It has no
 * token and joins no mesh (with a sidecar it would never end).
 */
export function buildDescribePod(app: AppIdentity, versionId: string, spec: WeaverAppSpec): Manifest {
  const metadata = childMetadata(app, describePodName(app.name, versionId), appLabels(app, { version: versionId, role: DESCRIBE_ROLE }))
  const tiny = quantities({ cpu: '10m', memory: '64Mi' })
  const pod = k8s.KubePod.manifest({
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, 'sidecar.istio.io/inject': 'false' },
      annotations: { 'sidecar.istio.io/inject': 'false', 'linkerd.io/inject': 'disabled' },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: DESCRIBE_DEADLINE_SECONDS,
      terminationGracePeriodSeconds: 0,
      ...restrictedPod(),
      ...placement({ snapshot: { spec } }),
      containers: [
        {
          name: DESCRIBE_CONTAINER,
          image: spec.image,
          ...(spec.imagePullPolicy === undefined ? {} : { imagePullPolicy: spec.imagePullPolicy }),
          command: ['node', '-e', DESCRIBE_PROGRAM],
          env: [
            { name: 'NODE_OPTIONS', value: '' },
            { name: 'NODE_PATH', value: '' },
          ],
          resources: { requests: tiny },
          securityContext: restrictedContainerContext(),
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
    },
  })
  return finishManifest(strategicMerge(pod as Readonly<Record<string, unknown>>, placementOverlay(spec.podTemplate))) // as built above
}
