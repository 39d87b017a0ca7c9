import { ANNOTATIONS, APP_CONTAINER, CREDS_VOLUME, LABELS, type WeaverAppSpec } from '@weaver/crds'
import { BOOTSTRAP_ENV, LIVE_PATH, READY_PATH } from '@weaver/sdk/contract'
import { k8s } from 'cdk8s-plus-27'
import { bootstrapEnvValue, CREDS_DIRECTORY, CREDS_KEY } from './bootstrap-env.js'
import { appLabels, childMetadata, finishManifest, type Manifest } from './manifest.js'
import { restrictedContainerContext, restrictedPod } from './pod-security.js'
import { strategicMerge } from './strategic-merge.js'
import { HEALTH_PORT, type PlannedGroup, type PodOverlay, type VersionPlan } from './version-plan.js'

export { APP_CONTAINER }
export const WEAVELET_ROLE = 'weavelet'

/** Labels that select the pods of one group of one version. */
export function groupSelector(plan: VersionPlan, group: PlannedGroup): Record<string, string> {
  return { [LABELS.app]: plan.app.name, [LABELS.version]: plan.versionId, [LABELS.group]: group.name }
}

/**
 * The Deployment of one colocation group. Only `replicas` ever changes, and the mark of a restart;
 * `replicas` is left out when an HPA controls it (`scaling.ts`), because sending it would undo the
 * HPA's decision in every pass.
 */
export function buildWorkload(plan: VersionPlan, group: PlannedGroup, natsServers: readonly string[]): Manifest {
  const { spec } = plan.snapshot
  const labels = appLabels(plan.app, { version: plan.versionId, group: group.name, role: WEAVELET_ROLE })
  const selector = { matchLabels: groupSelector(plan, group) }
  const health = (path: string) => ({ path, port: k8s.IntOrString.fromNumber(HEALTH_PORT) })
  const variables = environment(plan, group, natsServers)
  const container: k8s.Container = {
    name: APP_CONTAINER,
    image: plan.snapshot.imageReference,
    ...(spec.imagePullPolicy === undefined ? {} : { imagePullPolicy: spec.imagePullPolicy }),
    env: variables,
    ports: [{ name: 'health', containerPort: HEALTH_PORT }, ...group.listeners.map((l) => ({ containerPort: l.containerPort }))],
    resources: { requests: quantities(group.resources.requests), limits: quantities(group.resources.limits) },
    // Five minutes to start: a large application on a busy node; users tune the rollout's progress
    // deadline.
    startupProbe: { httpGet: health(LIVE_PATH), periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 300 },
    // The deployment id is in the path: a pod address that another version reuses must not look
    // ready.
    readinessProbe: { httpGet: health(`${READY_PATH}?v=${plan.deploymentId}`), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { httpGet: health(LIVE_PATH), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: restrictedContainerContext(),
    volumeMounts: [
      { name: CREDS_VOLUME, mountPath: CREDS_DIRECTORY, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
  return finishManifest(
    withOverlays(
      group,
      variables,
      k8s.KubeDeployment.manifest({
        metadata: childMetadata(plan.app, group.workloadName, labels),
        spec: {
          ...(isAutoscaled(group) ? {} : { replicas: group.replicas.min }),
          revisionHistoryLimit: 1,
          selector,
          strategy: {
            type: 'RollingUpdate',
            rollingUpdate: { maxUnavailable: k8s.IntOrString.fromNumber(0), maxSurge: k8s.IntOrString.fromNumber(1) },
          },
          template: {
            metadata: {
              labels,
              ...(plan.restartedAt === undefined ? {} : { annotations: { [ANNOTATIONS.restartedAt]: plan.restartedAt } }),
            },
            spec: {
              ...restrictedPod(),
              terminationGracePeriodSeconds: group.graceSeconds,
              ...placement(plan),
              topologySpreadConstraints: [
                { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: selector },
              ],
              containers: [container],
              volumes: [
                {
                  name: CREDS_VOLUME,
                  secret: { secretName: group.secretName, defaultMode: 0o440, items: [{ key: CREDS_KEY, path: CREDS_KEY }] },
                },
                { name: 'tmp', emptyDir: {} },
              ],
            },
          },
        },
      }),
    ),
  )
}

/**
 * What a spec adds to the pods, by the rules of a strategic merge patch: first its lists of
 * variables and volumes, then the templates of app and group. Weaver's own variables win.
 */
function withOverlays(group: PlannedGroup, variables: readonly k8s.EnvVar[], deployment: unknown): unknown {
  const own = deployment as { readonly spec: { readonly template: Readonly<Record<string, unknown>> } } // as built above
  const container = { name: APP_CONTAINER, ...listOf({ env: group.env, envFrom: group.envFrom, volumeMounts: group.volumeMounts }) }
  const lists: PodOverlay = { spec: { containers: [container], ...listOf({ volumes: group.volumes }) } }
  const last: PodOverlay = { spec: { containers: [{ name: APP_CONTAINER, env: variables }] } }
  const template = [lists, ...group.overlays, last].reduce((pod, overlay) => strategicMerge(pod, overlay), own.spec.template)
  return { ...own, spec: { ...own.spec, template } }
}

function listOf(lists: Readonly<Record<string, readonly unknown[]>>): Record<string, readonly unknown[]> {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
}

/**
 * The part of an overlay on the app's pods that decides where they run, how their image is pulled,
 * and whether they are admitted.
 */
export function placementOverlay(template: WeaverAppSpec['podTemplate']): PodOverlay {
  const of = [
    'serviceAccountName',
    'imagePullSecrets',
    'nodeSelector',
    'tolerations',
    'affinity',
    'priorityClassName',
    'runtimeClassName',
    'schedulerName',
  ]
  const spec = Object.fromEntries(of.flatMap((field) => (template?.spec?.[field] === undefined ? [] : [[field, template.spec[field]]])))
  return { ...(template?.metadata === undefined ? {} : { metadata: template.metadata }), spec }
}

/** True when an HPA, and not this operator, controls the number of replicas. */
export function isAutoscaled(group: PlannedGroup): boolean {
  return group.replicas.max > group.replicas.min
}

/** Where a version's pods may run and how their image is pulled; the describe pod shares it. */
export function placement(plan: { readonly snapshot: { readonly spec: VersionPlan['snapshot']['spec'] } }): Partial<k8s.PodSpec> {
  const { spec } = plan.snapshot
  return {
    ...(spec.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets.map(({ name }) => ({ name })) }),
    ...(spec.nodeSelector === undefined ? {} : { nodeSelector: spec.nodeSelector }),
    ...(spec.tolerations === undefined ? {} : { tolerations: spec.tolerations.map((t) => t as k8s.Toleration) }), // the API server judges them
  }
}

export function quantities(map: Readonly<Record<string, string | number>> | undefined): { [key: string]: k8s.Quantity } {
  return Object.fromEntries(
    Object.entries(map ?? {}).map(([key, value]) => [
      key,
      typeof value === 'number' ? k8s.Quantity.fromNumber(value) : k8s.Quantity.fromString(value),
    ]),
  )
}

/**
 * Ours, which come first because Kubernetes expands only names defined above. A spec that sets one
 * of them is refused.
 */
function environment(plan: VersionPlan, group: PlannedGroup, natsServers: readonly string[]): k8s.EnvVar[] {
  const own: k8s.EnvVar[] = [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: BOOTSTRAP_ENV, value: bootstrapEnvValue(plan, group, natsServers) },
  ]
  return own
}
