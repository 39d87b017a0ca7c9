/** The Kubernetes objects of an app's proxy: applied when they differ, refused when the name is another's. */
import { LABELS, proxyName, proxySecretName, API_GROUP, API_VERSION, WEAVER_APP_KIND } from '@weaver/crds'
import { WeaverError } from '@weaver/sdk/contract'
import { createHash } from 'node:crypto'
import type { AppIdentity, Manifest } from '../desired/manifest.js'
import {
  buildProxyConfigMap,
  buildProxyDeployment,
  buildProxyDisruptionBudget,
  buildProxyNetworkPolicy,
  buildProxySecret,
  buildStableService,
  PROXY_ROLE,
} from '../desired/proxy.js'
import type { KubeApi, KubeObject, ResourceKind } from '../kube/kube-api.js'
import { KINDS } from '../kube/kinds.js'
import { createChildApplier } from '../reconcile/child-applier.js'
import { ensureCertificates, type ProxyCertificates } from './certificates.js'
import { configHash, proxyListeners } from './haproxy-config.js'
import type { TrafficApp, TrafficPlan } from './traffic-driver.js'

/** A Secret that somebody deleted is made anew after this long at the latest. */
const CERTIFICATES_RECHECK_MS = 300_000

export interface ProxyObjectsOptions {
  readonly kube: KubeApi
  readonly image: string
  readonly failOpenSeconds: number
  /** Namespace of the operator: the only one that a NetworkPolicy lets reach the administration port; absent: no NetworkPolicy. */
  readonly operatorNamespace?: string
  /** Epoch milliseconds. */
  readonly now: () => number
}
export interface StoredFiles {
  readonly data: Readonly<Record<string, string>>
  readonly resourceVersion: string
}
export interface ProxyObjects {
  /** Everything but the ConfigMap. */
  ensure(plan: TrafficPlan, signal?: AbortSignal): Promise<void>
  certificates(app: TrafficApp, signal?: AbortSignal): Promise<ProxyCertificates>
  readFiles(app: TrafficApp, signal?: AbortSignal): Promise<StoredFiles | undefined>
  /** Refused when the stored ones are not `before` any more: another leader writes. */
  writeFiles(
    app: TrafficApp,
    data: Readonly<Record<string, string>>,
    at: { readonly before: StoredFiles | undefined; readonly signal?: AbortSignal },
  ): Promise<StoredFiles>
  /** Deletes them all, the stable Services included: an app that does not use the proxy any more must not be served by one that nobody keeps up. */
  remove(app: TrafficApp, signal?: AbortSignal): Promise<void>
  forget(app: { readonly namespace: string; readonly name: string }): void
}

interface DataObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export function createProxyObjects(options: ProxyObjectsOptions): ProxyObjects {
  const { kube, now } = options
  const applier = createChildApplier(kube, now)
  const certificates = new Map<string, { readonly files: ProxyCertificates; readonly at: number }>()
  /** Objects that were seen to be the app's own, or free, by app. */
  const checked = new Map<string, Set<string>>()
  /** UIDs of apps that have no objects: they were looked for. */
  const removed = new Set<string>()
  const keyOf = (app: { readonly namespace: string; readonly name: string }) => `${app.namespace}/${app.name}`
  const forget = (app: { readonly namespace: string; readonly name: string }) => {
    certificates.delete(keyOf(app))
    checked.delete(keyOf(app))
    applier.forget(app)
  }

  const apply = async (app: TrafficApp, kind: ResourceKind, manifest: Manifest, signal: AbortSignal | undefined) => {
    const own = checked.get(keyOf(app)) ?? new Set()
    checked.set(keyOf(app), own)
    const name = `${kind.kind}/${manifest.metadata.name}`
    if (!own.has(name)) {
      assertOwn(app, kind, await kube.get(kind, app.namespace, manifest.metadata.name, callOptions(signal)))
      own.add(name)
    }
    await applier.ensure(kind, manifest, 'unwatched', callOptions(signal))
  }

  const readCertificates = async (app: TrafficApp, signal?: AbortSignal): Promise<ProxyCertificates> => {
    const known = certificates.get(keyOf(app))
    if (known !== undefined && now() - known.at < CERTIFICATES_RECHECK_MS) return known.files
    const secret = await kube.get<DataObject>(KINDS.secrets, app.namespace, proxySecretName(app.name), callOptions(signal))
    assertOwn(app, KINDS.secrets, secret)
    const stored =
      secret?.data === undefined
        ? undefined
        : Object.fromEntries(Object.entries(secret.data).map(([k, v]) => [k, Buffer.from(v, 'base64').toString()]))
    const files = await ensureCertificates(stored, now())
    const isKept = Object.entries(files).every(([name, text]) => stored?.[name] === text)
    if (!isKept) await kube.apply(KINDS.secrets, buildProxySecret(identityOf(app), { ...files }), callOptions(signal))
    certificates.set(keyOf(app), { files, at: now() })
    return files
  }

  return {
    async ensure(plan, signal) {
      const { app } = plan
      removed.delete(app.uid)
      const identity = identityOf(app)
      const files = await readCertificates(app, signal)
      const listeners = proxyListeners(plan.listeners.map((l) => l.listener.name))
      const proxy = {
        app: identity,
        replicas: app.replicas,
        image: options.image,
        listeners,
        configHash: configHash(listeners, options.failOpenSeconds),
        certificateHash: createHash('sha256').update(files['ca.pem']).update(files['server.pem']).digest('hex').slice(0, 16),
      }
      for (const { listener } of plan.listeners) await apply(app, KINDS.services, buildStableService(identity, listener), signal)
      await apply(app, KINDS.deployments, buildProxyDeployment(proxy), signal)
      const budget = buildProxyDisruptionBudget(proxy)
      if (budget !== undefined) await apply(app, KINDS.podDisruptionBudgets, budget, signal)
      else await applier.ensureAbsent(KINDS.podDisruptionBudgets, app.namespace, proxyName(app.name), callOptions(signal))
      if (options.operatorNamespace !== undefined)
        await apply(app, KINDS.networkPolicies, buildProxyNetworkPolicy(proxy, options.operatorNamespace), signal)
      await removeStaleServices(plan, signal)
    },
    certificates: readCertificates,
    async readFiles(app, signal) {
      const found = await kube.get<DataObject>(KINDS.configMaps, app.namespace, proxyName(app.name), callOptions(signal))
      assertOwn(app, KINDS.configMaps, found)
      return found === undefined ? undefined : { data: found.data ?? {}, resourceVersion: found.metadata.resourceVersion ?? '' }
    },
    async writeFiles(app, data, { before, signal }) {
      const manifest = buildProxyConfigMap(identityOf(app), data)
      const guarded =
        before === undefined ? manifest : { ...manifest, metadata: { ...manifest.metadata, resourceVersion: before.resourceVersion } }
      const applied = await kube.apply<DataObject>(KINDS.configMaps, guarded, callOptions(signal))
      return { data, resourceVersion: applied.metadata.resourceVersion ?? '' }
    },
    async remove(app, signal) {
      if (removed.has(app.uid)) return
      const kinds = [KINDS.deployments, KINDS.podDisruptionBudgets, KINDS.networkPolicies, KINDS.configMaps]
      await removeStaleServices({ app, listeners: [] }, signal)
      for (const kind of kinds) await removeOwn(app, { kind, name: proxyName(app.name) }, signal)
      await removeOwn(app, { kind: KINDS.secrets, name: proxySecretName(app.name) }, signal)
      forget(app)
      removed.add(app.uid)
    },
    forget,
  }

  async function removeOwn(
    app: TrafficApp,
    at: { readonly kind: ResourceKind; readonly name: string },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const found = await kube.get(at.kind, app.namespace, at.name, callOptions(signal))
    if (found?.metadata.uid === undefined || !isOwn(app, found)) return
    await kube.delete(at.kind, app.namespace, at.name, { ...callOptions(signal), uid: found.metadata.uid })
  }

  /** A listener that no version exports any more has no stable Service. */
  async function removeStaleServices({ app, listeners }: TrafficPlan, signal: AbortSignal | undefined): Promise<void> {
    const names = listeners.map((l) => l.listener.name).sort()
    const mark = `listeners ${names.join(' ')}`
    const own = checked.get(keyOf(app))
    if (own?.has(mark) === true) return
    const { items } = await kube.list(KINDS.services, {
      namespace: app.namespace,
      labelSelector: `${LABELS.app}=${app.name},${LABELS.role}=${PROXY_ROLE}`,
      ...callOptions(signal),
    })
    for (const { metadata } of items) {
      const listener = metadata.labels?.[LABELS.listener]
      if (listener === undefined || names.includes(listener) || !isOwn(app, { metadata })) continue
      await kube.delete(KINDS.services, app.namespace, metadata.name, {
        ...callOptions(signal),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      })
      own?.delete(`${KINDS.services.kind}/${metadata.name}`)
    }
    for (const old of [...(own ?? [])].filter((m) => m.startsWith('listeners '))) own?.delete(old)
    own?.add(mark)
  }
}

function identityOf(app: TrafficApp): AppIdentity {
  return { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: WEAVER_APP_KIND, namespace: app.namespace, name: app.name, uid: app.uid }
}

function isOwn(app: TrafficApp, found: Pick<KubeObject, 'metadata'> | undefined): boolean {
  return found?.metadata.ownerReferences?.some((o) => o.uid === app.uid) === true
}

/** Names are joined from parts that may contain `-` themselves, so two apps can want one name; server-side apply would silently take it over. */
function assertOwn(app: TrafficApp, kind: ResourceKind, found: KubeObject | undefined): void {
  const owner = found?.metadata.ownerReferences?.find((o) => o.controller === true)
  if (found === undefined || owner === undefined || owner.uid === app.uid) return
  throw new WeaverError(
    'WEAVER_TRAFFIC_NAME_TAKEN',
    `WeaverApp "${app.name}": ${kind.kind} "${found.metadata.name}" in namespace "${app.namespace}" belongs to ${owner.kind} "${owner.name}"; rename the app or the listener`,
  )
}

function callOptions(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
