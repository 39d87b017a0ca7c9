/**
 * The objects of an app's managed proxy: pure manifests. `haproxy-config.ts` has what is in its
 * files, `proxy-driver.ts` how they change.
 */
import { LABELS, proxyName, proxySecretName, stableServiceName } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'
import {
  CONFIG_DIRECTORY,
  GRACE_SECONDS,
  HARD_STOP_SECONDS,
  PROXY_ADMIN_PORT,
  PROXY_HEALTH_PORT,
  SOCKET_DIRECTORY,
  TLS_DIRECTORY,
  type ProxyListener,
} from './haproxy-config.js'
import type { TrafficListener } from '../driver.js'
import { appLabels, childMetadata, finishManifest, manifestHash, type AppIdentity, type Manifest } from '../../desired/manifest.js'
import { restrictedContainerContext, restrictedPod } from '../../desired/pod-security.js'
import { EVICT_UNHEALTHY } from '../../desired/scaling.js'

export const PROXY_ROLE = 'proxy'
/**
 * How long the kubelet waits before it signals the process, so that the closing endpoint is
 * propagated first. Seconds.
 */
const PRE_STOP_SECONDS = 5

export interface ProxyDescription {
  readonly app: AppIdentity
  readonly replicas: number
  readonly image: string
  readonly listeners: readonly ProxyListener[]
  /** Changes when running proxies must be replaced. */
  readonly configHash: string
  /** Changes when the server certificate does; HAProxy reads it at start only. */
  readonly certificateHash: string
}

function proxySelector(app: AppIdentity): Record<string, string> {
  return { [LABELS.app]: app.name, [LABELS.role]: PROXY_ROLE }
}

export function buildProxyDeployment(proxy: ProxyDescription): Manifest {
  const { app } = proxy
  const labels = appLabels(app, { role: PROXY_ROLE })
  const selector = { matchLabels: proxySelector(app) }
  const probe = (path: string, rest: Partial<k8s.Probe>): k8s.Probe => ({
    httpGet: { path, port: k8s.IntOrString.fromNumber(PROXY_HEALTH_PORT) },
    timeoutSeconds: 2,
    ...rest,
  })
  const container: k8s.Container = {
    name: 'haproxy',
    image: proxy.image,
    // The command, not the image's entrypoint, so that HAProxy is process 1 and gets the image's
    // stop signal (SIGUSR1: graceful) itself.
    command: ['haproxy', '-db', '-f', `${CONFIG_DIRECTORY}/haproxy.cfg`],
    ports: [
      ...proxy.listeners.map((l) => ({ name: listenerPortName(l.name), containerPort: l.containerPort })),
      { name: 'health', containerPort: PROXY_HEALTH_PORT },
      { name: 'admin', containerPort: PROXY_ADMIN_PORT },
    ],
    resources: { requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('64Mi') } },
    // Unready until the operator has programmed it. Liveness does not depend on that: a restart
    // would only begin the wait again.
    readinessProbe: probe('/ready', { periodSeconds: 1, failureThreshold: 2 }),
    livenessProbe: probe('/live', { periodSeconds: 10, failureThreshold: 6, initialDelaySeconds: 2 }),
    securityContext: restrictedContainerContext(),
    volumeMounts: [
      { name: 'config', mountPath: CONFIG_DIRECTORY, readOnly: true },
      { name: 'tls', mountPath: TLS_DIRECTORY, readOnly: true },
      { name: 'run', mountPath: SOCKET_DIRECTORY },
    ],
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
  const manifest = k8s.KubeDeployment.manifest({
    metadata: childMetadata(app, proxyName(app.name), labels),
    spec: {
      replicas: proxy.replicas,
      revisionHistoryLimit: 1,
      selector,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: k8s.IntOrString.fromNumber(0), maxSurge: k8s.IntOrString.fromNumber(1) },
      },
      template: {
        metadata: {
          labels,
          annotations: { 'weaver.dev/config-hash': proxy.configHash, 'weaver.dev/certificate-hash': proxy.certificateHash },
        },
        spec: {
          ...restrictedPod(),
          terminationGracePeriodSeconds: PRE_STOP_SECONDS + GRACE_SECONDS + HARD_STOP_SECONDS + 5,
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: selector } },
              ],
            },
          },
          containers: [container],
          volumes: [
            { name: 'config', configMap: { name: proxyName(app.name) } },
            {
              name: 'tls',
              secret: {
                secretName: proxySecretName(app.name),
                defaultMode: 0o440,
                items: ['ca.pem', 'server.pem'].map((key) => ({ key, path: key })),
              },
            },
            { name: 'run', emptyDir: {} },
          ],
        },
      },
    },
  }) as { readonly spec: { readonly template: { readonly spec: { readonly containers: { lifecycle?: unknown }[] } } } } // the shape given above
  // The constructs library does not know this handler (Kubernetes 1.30 and newer) and would drop
  // it. It needs no program in the image.
  for (const c of manifest.spec.template.spec.containers) c.lifecycle = { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } }
  return finishManifest(manifest)
}

/**
 * Node drains take one proxy at a time; a single one may not be taken before its replacement
 * serves, so it is left to the Deployment.
 */
export function buildProxyDisruptionBudget({ app, replicas }: Pick<ProxyDescription, 'app' | 'replicas'>): Manifest | undefined {
  if (replicas <= 1) return undefined
  return finishManifest(
    k8s.KubePodDisruptionBudget.manifest({
      metadata: childMetadata(app, proxyName(app.name), appLabels(app, { role: PROXY_ROLE })),
      spec: {
        maxUnavailable: k8s.IntOrString.fromNumber(1),
        selector: { matchLabels: proxySelector(app) },
        ...EVICT_UNHEALTHY,
      },
    }),
  )
}

/** The Service that users dial. Its selector never changes: the proxies choose the version. */
export function buildStableService(app: AppIdentity, listener: TrafficListener): Manifest {
  return finishManifest(
    k8s.KubeService.manifest({
      metadata: {
        ...childMetadata(app, stableServiceName(app.name, listener.name), {
          ...appLabels(app, { role: PROXY_ROLE, listener: listener.name }),
          ...(listener.isPublic === true ? { [LABELS.public]: 'true' } : {}),
        }),
        annotations: { ...listener.annotations },
      },
      spec: {
        type: listener.type ?? 'ClusterIP',
        selector: proxySelector(app),
        // By name: while proxies of two configurations run, each says which of its ports this is.
        ports: [
          {
            name: 'listener',
            port: listener.port,
            targetPort: k8s.IntOrString.fromString(listenerPortName(listener.name)),
            protocol: 'TCP',
          },
        ],
      },
    }),
  )
}

/** @param files what proxies read at their start. @param state what only the operator reads. */
export function buildProxyConfigMap(app: AppIdentity, data: Readonly<Record<string, string>>): Manifest {
  return finishManifest(
    k8s.KubeConfigMap.manifest({
      metadata: childMetadata(app, proxyName(app.name), appLabels(app, { role: PROXY_ROLE })),
      data: { ...data },
    }),
  )
}

export function buildProxySecret(app: AppIdentity, files: Readonly<Record<string, string>>): Manifest {
  const data = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]))
  return finishManifest(
    k8s.KubeSecret.manifest({
      metadata: childMetadata(app, proxySecretName(app.name), appLabels(app, { role: PROXY_ROLE })),
      type: 'Opaque',
      data,
    }),
  )
}

/**
 * Users reach the listeners, any source the health port, and only the operator's namespace the
 * administration port: a second wall beside its certificates.
 */
export function buildProxyNetworkPolicy(
  { app, listeners }: Pick<ProxyDescription, 'app' | 'listeners'>,
  operatorNamespace: string,
): Manifest {
  const port = (number: number): k8s.NetworkPolicyPort => ({ port: k8s.IntOrString.fromNumber(number), protocol: 'TCP' })
  const operator = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } } }
  return finishManifest(
    k8s.KubeNetworkPolicy.manifest({
      metadata: childMetadata(app, proxyName(app.name), appLabels(app, { role: PROXY_ROLE })),
      spec: {
        podSelector: { matchLabels: proxySelector(app) },
        policyTypes: ['Ingress'],
        ingress: [
          { ports: [...listeners.map((l) => port(l.containerPort)), port(PROXY_HEALTH_PORT)] },
          { from: [operator], ports: [port(PROXY_ADMIN_PORT)] },
        ],
      },
    }),
  )
}

/** Port names have at most 15 characters; listeners' names have up to 40. */
function listenerPortName(listener: string): string {
  return `l-${manifestHash(listener).slice(0, 12)}`
}
