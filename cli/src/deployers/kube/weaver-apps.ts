import { setTimeout as sleep } from 'node:timers/promises'
import { ANNOTATIONS, API_GROUP, API_VERSION, LABELS, WEAVER_APP_PLURAL, type WeaverApp } from '@weaver/crds'
import { KINDS, resourcePath } from '@weaver/kube'
import type { Verb } from '@weaver/rollout'
import type { WeaverAppManifest } from '../../config/weaver-app-manifest.js'
import { cliError } from '../../errors/catalogue.js'
import { isInGroup, type WantedGroup } from './hosted-components.js'
import type { KubeClient } from './kube-client.js'
import type { Pod } from './pod.js'

/** The field manager of what this command applies. */
export const CLI_FIELD_MANAGER = 'weaver-cli'
const GROUP_PATH = `/apis/${API_GROUP}/${API_VERSION}`

export interface AppName {
  readonly namespace: string
  readonly name: string
}

/**
 * @throws WeaverError `WEAVER_CLI_OPERATOR_MISSING` when the cluster does not know the kind,
 * `WEAVER_CLI_KUBE_NOT_FOUND` when the namespace does not exist
 */
export async function checkCluster(client: KubeClient, namespace: string): Promise<void> {
  const { status, body } = await client.call({ path: GROUP_PATH, accept: [404], what: 'discovery' })
  const resources = status === 404 ? [] : ((body as { readonly resources?: readonly { readonly name: string }[] }).resources ?? []) // an APIResourceList
  if (!resources.some((resource) => resource.name === WEAVER_APP_PLURAL))
    throw cliError(
      'WEAVER_CLI_OPERATOR_MISSING',
      `the cluster at "${client.server}" does not know the kind WeaverApp: the operator is not installed. Install its broker and it: \`helm install weaver-nats charts/weaver-nats -n weaver-system --create-namespace && helm install weaver charts/weaver-operator -n weaver-system\``,
    )
  const found = await client.call({
    path: resourcePath(KINDS.namespaces, { name: namespace }),
    accept: [403, 404],
    what: `namespace "${namespace}"`,
  })
  // a user who may not read namespaces learns it when the app is applied
  if (found.status === 404)
    throw cliError(
      'WEAVER_CLI_KUBE_NOT_FOUND',
      `there is no namespace "${namespace}" on the cluster at "${client.server}"; make it with \`kubectl create namespace ${namespace}\``,
    )
}

export async function getApp(client: KubeClient, { namespace, name }: AppName): Promise<WeaverApp | undefined> {
  const { status, body } = await client.call({
    path: appPath({ namespace, name }),
    accept: [404],
    what: `WeaverApp "${namespace}/${name}"`,
  })
  if (status !== 404) return body as WeaverApp // the kind that was requested
  // an unknown kind is a 404 as well, but without a Status
  if (typeof body !== 'object') await checkCluster(client, namespace)
  return undefined
}

/** @throws WeaverError `WEAVER_CLI_KUBE_NOT_FOUND` */
export async function needApp(client: KubeClient, app: AppName): Promise<WeaverApp> {
  const found = await getApp(client, app)
  if (found !== undefined) return found
  // the namespace may be what is missing
  await checkCluster(client, app.namespace)
  throw cliError(
    'WEAVER_CLI_KUBE_NOT_FOUND',
    `there is no WeaverApp "${app.name}" in namespace "${app.namespace}"; \`weaver kube status --all-namespaces\` lists all`,
  )
}

/**
 * @param namespace `undefined` for all namespaces
 * @throws WeaverError `WEAVER_CLI_KUBE_NOT_FOUND` when the namespace does not exist
 */
export async function listApps(client: KubeClient, namespace: string | undefined): Promise<readonly WeaverApp[]> {
  const { status, body } = await client.call({ path: resourcePath(KINDS.weaverApps, { namespace }), accept: [404], what: 'WeaverApps' })
  if (status === 404) await checkCluster(client, namespace ?? 'default')
  const { items = [] } = body as { readonly items?: readonly WeaverApp[] } // a WeaverAppList
  // an unknown namespace has an empty list, too
  if (items.length === 0 && namespace !== undefined) await checkCluster(client, namespace)
  return items
}

/**
 * Server-side apply.
 * @param isForced takes over fields owned by another field manager, such as `kubectl apply`
 */
export async function applyApp(
  client: KubeClient,
  manifest: WeaverAppManifest & { readonly metadata: { readonly namespace: string } },
  isForced: boolean,
): Promise<WeaverApp> {
  const { name, namespace } = manifest.metadata
  const what = `WeaverApp "${namespace}/${name}"`
  const { status, body } = await client.call({
    method: 'PATCH',
    path: appPath({ name, namespace }),
    query: { fieldManager: CLI_FIELD_MANAGER, force: String(isForced), fieldValidation: 'Strict' },
    contentType: 'application/apply-patch+yaml',
    body: manifest,
    accept: [409],
    what,
  })
  if (status !== 409) return body as WeaverApp // the object as it is now
  const said = String((body as { readonly message?: unknown }).message) // a Status
  throw cliError('WEAVER_CLI_KUBE_CONFLICT', `${what}: ${said.split('\n').join(' ')}. Leave out --no-force to take these fields over`)
}

/** How long the operator may take to carry out the same command of before. */
const SAME_COMMAND_MS = 10_000

/**
 * Requests an action of the operator by an annotation, one for each verb, which the operator
 * removes once carried out. With the same words a second time it could not be told from the first,
 * and waits until that is gone.
 * @param command.version of `burn`: the newest version that it is about
 * @param command.note who and why; empty: nothing is known
 * @throws WeaverError `WEAVER_CLI_KUBE_CONFLICT` when the first is not carried out within 10 s
 */
export async function askOperator(
  client: KubeClient,
  app: AppName,
  { verb, version = '', note }: { readonly verb: Verb; readonly version?: string; readonly note: string },
): Promise<void> {
  const annotation = ANNOTATIONS[verb]
  const words = `${version} ${note}`.trim()
  const value = words === '' ? '1' : words
  const until = performance.now() + SAME_COMMAND_MS
  while ((await needApp(client, app)).metadata.annotations?.[annotation] === value) {
    if (performance.now() > until)
      throw cliError(
        'WEAVER_CLI_KUBE_CONFLICT',
        `WeaverApp "${app.namespace}/${app.name}": the same command was given before and the operator has not carried it out yet (annotation ${annotation}). Is the operator running? Look at \`weaver kube status ${app.name}\`, and try again`,
      )
    await sleep(200)
  }
  await annotate(client, app, annotation, value)
}

/**
 * Has the operator replace all pods of the live versions, a few at a time.
 * @param mark any text that differs from that of the last restart
 */
export async function restartPods(client: KubeClient, app: AppName, mark: string): Promise<void> {
  await annotate(client, app, ANNOTATIONS.restartedAt, mark)
}

async function annotate(client: KubeClient, app: AppName, name: string, value: string): Promise<void> {
  await client.call({
    method: 'PATCH',
    path: appPath(app),
    query: { fieldManager: CLI_FIELD_MANAGER },
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [name]: value } } },
    what: `WeaverApp "${app.namespace}/${app.name}"`,
  })
}

/** @returns false if there was none */
export async function deleteApp(client: KubeClient, app: AppName): Promise<boolean> {
  const { status } = await client.call({
    method: 'DELETE',
    path: appPath(app),
    accept: [404],
    what: `WeaverApp "${app.namespace}/${app.name}"`,
  })
  return status !== 404
}

/** Lets Kubernetes finish a deletion for which there is no operator. */
export async function clearFinalizer(client: KubeClient, app: AppName, finalizer: string): Promise<void> {
  const found = await getApp(client, app)
  if (found?.metadata.finalizers?.includes(finalizer) !== true) return
  await client.call({
    method: 'PATCH',
    path: appPath(app),
    query: { fieldManager: CLI_FIELD_MANAGER },
    contentType: 'application/merge-patch+json',
    body: {
      metadata: {
        resourceVersion: found.metadata.resourceVersion,
        finalizers: found.metadata.finalizers.filter((name) => name !== finalizer),
      },
    },
    accept: [404],
    what: `WeaverApp "${app.namespace}/${app.name}"`,
  })
}

export async function listPods(
  client: KubeClient,
  app: AppName,
  wanted: { readonly version?: string; readonly group?: WantedGroup },
): Promise<readonly Pod[]> {
  const { group } = wanted
  const labels = [
    `${LABELS.app}=${app.name}`,
    `${LABELS.role}=weavelet`,
    ...(wanted.version === undefined ? [] : [`${LABELS.version}=${wanted.version}`]),
  ]
  const path = resourcePath(KINDS.pods, { namespace: app.namespace })
  const { body } = await client.call({ path, query: { labelSelector: labels.join(',') }, what: `pods of "${app.namespace}/${app.name}"` })
  const { items } = body as { readonly items: readonly Pod[] } // a PodList
  return group === undefined ? items : items.filter((pod) => isInGroup(pod, group))
}

function appPath(app: AppName): string {
  return resourcePath(KINDS.weaverApps, app)
}
