/**
 * The Kubernetes objects of an app's proxy: applied when they differ, refused when an object of
 * others has the name.
 */
import { LABELS, proxyName, proxySecretName, API_GROUP, API_VERSION, WEAVER_APP_KIND } from '@weaver/crds'
import { createHash } from 'node:crypto'
import { KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import type { AppIdentity, Manifest } from '../../desired/manifest.js'
import {
  buildProxyConfigMap,
  buildProxyDeployment,
  buildProxyDisruptionBudget,
  buildProxyNetworkPolicy,
  buildProxySecret,
  buildStableService,
  PROXY_ROLE,
} from './proxy-manifests.js'
import { isGivenTo, isNameTaken, NameTakenError } from '../../kube/name-taken.js'
import { applyOwn, deleteOwn, isOwn } from '../../kube/own-objects.js'
import type { Clock } from '../../clock/clock.js'
import { createChildApplier, type LiveChild } from '../../kube/child-applier.js'
import { ensureCertificates, type ProxyCertificates } from './certificates.js'
import { configHash, listenersOf } from './haproxy-config.js'
import type { TrafficApp, TrafficPlan } from '../driver.js'

/** Longest interval between two checks of whether certificates are due for renewal. */
const CERTIFICATES_RECHECK_MS = 300_000

export interface ProxyObjectsOptions {
  readonly kube: KubeApi
  /** Children as the caches have them. @default none is watched */
  readonly child?: (namespace: string, kind: ResourceKind, name: string) => LiveChild
  readonly image: string
  readonly failOpenSeconds: number
  /**
   * Namespace of the operator: the only one that a NetworkPolicy lets reach the administration
   * port; absent: no NetworkPolicy.
   */
  readonly operatorNamespace?: string
  readonly clock: Clock
}
export interface StoredFiles {
  readonly data: Readonly<Record<string, string>>
  readonly resourceVersion: string
}
export interface EnsuredObjects {
  /** Objects between users and proxies that were missing and are recreated. */
  readonly missing: readonly string[]
  /** What is awaited before an object that is given to the app is taken over. */
  readonly pending: readonly string[]
}
export interface ProxyObjects {
  /**
   * Everything but the ConfigMap.
   * @param options.isServing whether a proxy takes traffic: only then a Service that others use may
   * be taken over.
   * @returns what was missing, or still is, that users need to get through.
   * @throws NameTakenError
   */
  ensure(plan: TrafficPlan, options: { readonly isServing: boolean; readonly signal?: AbortSignal | undefined }): Promise<EnsuredObjects>
  certificates(app: TrafficApp, signal?: AbortSignal): Promise<ProxyCertificates>
  readFiles(app: TrafficApp, signal?: AbortSignal): Promise<StoredFiles | undefined>
  /** Refused when the stored ones are no longer `before`: another leader writes. */
  writeFiles(
    app: TrafficApp,
    data: Readonly<Record<string, string>>,
    at: { readonly before: StoredFiles | undefined; readonly signal?: AbortSignal },
  ): Promise<StoredFiles>
  /**
   * Deletes them all, the stable Services included: an app that no longer uses the proxy must not
   * be served by an unmaintained one.
   */
  remove(app: TrafficApp, signal?: AbortSignal): Promise<void>
  forget(app: { readonly namespace: string; readonly name: string }): void
}

interface DataObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export function createProxyObjects(options: ProxyObjectsOptions): ProxyObjects {
  const { kube, clock } = options
  const applier = createChildApplier(kube, clock.steady)
  const certificates = new Map<string, { readonly files: ProxyCertificates; readonly at: number; readonly version: string | undefined }>()
  /** The listeners that were checked for stale Services, by app. */
  const checked = new Map<string, string>()
  const childOf = (app: TrafficApp, kind: ResourceKind, name: string): LiveChild =>
    options.child?.(app.namespace, kind, name) ?? (options.child === undefined ? 'unwatched' : undefined)
  /** UIDs of apps that were checked and have no objects. */
  const removed = new Set<string>()
  const keyOf = (app: { readonly namespace: string; readonly name: string }) => `${app.namespace}/${app.name}`
  const forget = (app: { readonly namespace: string; readonly name: string }) => {
    certificates.delete(keyOf(app))
    checked.delete(keyOf(app))
    applier.forget(app)
  }

  const readCertificates = async (app: TrafficApp, signal?: AbortSignal): Promise<ProxyCertificates> => {
    const known = certificates.get(keyOf(app))
    const live = childOf(app, KINDS.secrets, proxySecretName(app.name))
    const isUnchanged = live === 'unwatched' || (live !== undefined && live.metadata.resourceVersion === known?.version)
    if (known !== undefined && isUnchanged && clock.steady() - known.at < CERTIFICATES_RECHECK_MS) return known.files
    const secret = await kube.get<DataObject>(KINDS.secrets, app.namespace, proxySecretName(app.name), callOptions(signal))
    const stored =
      secret?.data === undefined
        ? undefined
        : Object.fromEntries(Object.entries(secret.data).map(([k, v]) => [k, Buffer.from(v, 'base64').toString()]))
    // A deleted Secret is recreated as it was: the running proxies have these certificates.
    const files = await ensureCertificates(stored ?? (known === undefined ? undefined : { ...known.files }), clock.now())
    const isKept = isOwn(app.uid, secret) && Object.entries(files).every(([name, text]) => stored?.[name] === text)
    const wanted = buildProxySecret(identityOf(app), { ...files })
    const kept = isKept ? secret : await applyOwn(kube, KINDS.secrets, wanted, { ...callOptions(signal), live: secret ?? 'absent' })
    certificates.set(keyOf(app), { files, at: clock.steady(), version: kept?.metadata.resourceVersion })
    return files
  }

  return {
    async ensure(plan, { isServing, signal }) {
      const { app } = plan
      removed.delete(app.uid)
      const identity = identityOf(app)
      const files = await readCertificates(app, signal)
      const listeners = listenersOf(plan)
      const proxy = {
        app: identity,
        replicas: app.replicas,
        image: options.image,
        listeners,
        configHash: configHash(listeners, options.failOpenSeconds),
        certificateHash: createHash('sha256').update(files['ca.pem']).update(files['server.pem']).digest('hex').slice(0, 16),
      }
      const missing: string[] = []
      const taken: NameTakenError[] = []
      /** One name that an object of others has must not block the rest. */
      const apply = async (kind: ResourceKind, manifest: Manifest, more: { readonly adoptsOnce?: string } = {}): Promise<void> => {
        const { name } = manifest.metadata
        const live = childOf(app, kind, name)
        try {
          const isSent = await applier.ensure(kind, manifest, live, { ...callOptions(signal), ...more })
          if (isSent && live === undefined) missing.push(`${kind.kind} "${name}"`)
        } catch (error) {
          if (!isNameTaken(error)) throw error
          taken.push(error)
        }
      }
      // Users of the existing Service are served by its old pods until ours are ready.
      const afterwards = isServing ? {} : { adoptsOnce: `a proxy of "${app.name}" to be ready` }
      await apply(KINDS.deployments, buildProxyDeployment(proxy))
      for (const { listener } of plan.listeners) await apply(KINDS.services, buildStableService(identity, listener), afterwards)
      const vital = [...missing]
      const budget = buildProxyDisruptionBudget(proxy)
      const ofBudget = { namespace: app.namespace, name: proxyName(app.name), owner: app.uid }
      if (budget !== undefined) await apply(KINDS.podDisruptionBudgets, budget)
      else
        await applier.ensureAbsent(
          KINDS.podDisruptionBudgets,
          ofBudget,
          childOf(app, KINDS.podDisruptionBudgets, ofBudget.name),
          callOptions(signal),
        )
      if (options.operatorNamespace !== undefined)
        await apply(KINDS.networkPolicies, buildProxyNetworkPolicy(proxy, options.operatorNamespace))
      await removeStaleServices(plan, signal)
      const [refused] = taken.filter((error) => !error.isPending)
      if (refused !== undefined) throw refused
      return { missing: vital, pending: taken.map((error) => error.message) }
    },
    certificates: readCertificates,
    async readFiles(app, signal) {
      const found = await kube.get<DataObject>(KINDS.configMaps, app.namespace, proxyName(app.name), callOptions(signal))
      if (found !== undefined && !isOwn(app.uid, found)) {
        if (isGivenTo(found, app.name)) return undefined
        throw new NameTakenError({ kind: WEAVER_APP_KIND, name: app.name }, KINDS.configMaps, found)
      }
      return found === undefined ? undefined : { data: found.data ?? {}, resourceVersion: found.metadata.resourceVersion ?? '' }
    },
    async writeFiles(app, data, { before, signal }) {
      const manifest = buildProxyConfigMap(identityOf(app), data)
      const guarded =
        before === undefined ? manifest : { ...manifest, metadata: { ...manifest.metadata, resourceVersion: before.resourceVersion } }
      const applied = await applyOwn<DataObject>(kube, KINDS.configMaps, guarded, callOptions(signal))
      return { data, resourceVersion: applied.metadata.resourceVersion ?? '' }
    },
    async remove(app, signal) {
      if (removed.has(app.uid)) return
      const kinds = [KINDS.deployments, KINDS.podDisruptionBudgets, KINDS.networkPolicies, KINDS.configMaps]
      await removeStaleServices({ app, listeners: [] }, signal)
      const at = { namespace: app.namespace, owner: app.uid }
      for (const kind of kinds) await deleteOwn(kube, kind, { ...at, name: proxyName(app.name) }, callOptions(signal))
      await deleteOwn(kube, KINDS.secrets, { ...at, name: proxySecretName(app.name) }, callOptions(signal))
      forget(app)
      removed.add(app.uid)
    },
    forget,
  }

  /** A listener that no version exports any longer has no stable Service. */
  async function removeStaleServices(
    { app, listeners }: Pick<TrafficPlan, 'app' | 'listeners'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const names = listeners.map((l) => l.listener.name).sort()
    if (checked.get(keyOf(app)) === names.join(' ')) return
    const { items } = await kube.list(KINDS.services, {
      namespace: app.namespace,
      labelSelector: `${LABELS.app}=${app.name},${LABELS.role}=${PROXY_ROLE}`,
      ...callOptions(signal),
    })
    for (const { metadata } of items) {
      const listener = metadata.labels?.[LABELS.listener]
      if (listener === undefined || names.includes(listener) || !isOwn(app.uid, { metadata })) continue
      await kube.delete(KINDS.services, app.namespace, metadata.name, {
        ...callOptions(signal),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      })
    }
    checked.set(keyOf(app), names.join(' '))
  }
}

function identityOf(app: TrafficApp): AppIdentity {
  return { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: WEAVER_APP_KIND, namespace: app.namespace, name: app.name, uid: app.uid }
}

function callOptions(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
