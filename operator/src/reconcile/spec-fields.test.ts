/**
 * A field of the schema that nothing reads is a promise that nothing keeps. Here every field of a
 * WeaverApp is changed in turn, and something that the operator makes or decides must change with
 * it (issue 10, 38: `hosts` and `public` were in the schema for a long time and did nothing).
 */
import { ANNOTATIONS, rolloutSettings, weaverAppSpecSchema, type WeaverAppSpec } from '@weaver/crds'
import { z } from 'zod'
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { Revision } from './cluster-view.js'
import { expiredRevisions } from './known-versions.js'
import { buildTrafficPlan, trafficAffinity } from './traffic-plan.js'
import { rolloutPolicy } from '@weaver/rollout'
import { listenersOf, renderProxyFiles } from '../traffic/proxy/haproxy-config.js'
import { emptyState } from '../traffic/proxy/slots.js'
import { buildDescribePod } from '../desired/describe-pod.js'
import { buildListenerService } from '../desired/listener-service.js'
import type { AppIdentity } from '../desired/manifest.js'
import { buildProxyDisruptionBudget, buildStableService } from '../traffic/proxy/proxy-manifests.js'
import { buildAutoscaler, buildDisruptionBudget } from '../desired/scaling.js'
import { buildVersionNetworkPolicy } from '../desired/version-network-policy.js'
import { planVersion } from '../desired/version-plan.js'
import { buildWorkload } from '../desired/workload.js'

const APP: AppIdentity = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'shop', name: 'hello', uid: 'u-1' }
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'shop/Cart', methods: [], refs: [], listeners: [] },
    { name: 'shop/Tax', methods: [], refs: [], listeners: [] },
    { name: 'weaver/Main', methods: [], refs: ['shop/Cart'], listeners: ['lis'] },
  ],
}

/**
 * Of every source of a variable something: the sources exclude each other in a real spec, and each
 * must be handed on.
 */
const podParts = (tag: string) => ({
  env: [
    {
      name: `NAME_${tag}`,
      value: tag,
      valueFrom: {
        secretKeyRef: { name: tag, key: 'k', optional: false },
        configMapKeyRef: { name: tag, key: 'k', optional: false },
        fieldRef: { fieldPath: 'metadata.name', apiVersion: 'v1' },
        resourceFieldRef: { resource: 'limits.cpu', containerName: 'app', divisor: '1' },
      },
    },
  ],
  envFrom: [{ prefix: `${tag}_`, secretRef: { name: tag, optional: false }, configMapRef: { name: tag, optional: false } }],
  volumes: [{ name: tag, emptyDir: {} }],
  volumeMounts: [
    {
      name: tag,
      mountPath: `/${tag}`,
      subPath: 's',
      subPathExpr: 'e',
      readOnly: true,
      recursiveReadOnly: 'Enabled',
      mountPropagation: 'None',
    },
  ],
  podTemplate: {
    metadata: { labels: { [`label-${tag}`]: 'a' }, annotations: { [`annotation-${tag}`]: 'a' } },
    spec: { [tag === 'app' ? 'priorityClassName' : 'schedulerName']: 'a' },
  },
})

/** Has something at every path of the schema. */
const FULL = {
  image: 'reg.example/shop:v1',
  imagePullPolicy: 'Always',
  imagePullSecrets: [{ name: 'pull' }],
  config: { 'shop/Cart': { size: 3 } },
  groups: [
    {
      name: 'cart',
      components: ['shop/Cart'],
      replicas: { min: 2, max: 4, cpu: 70 },
      resources: { requests: { cpu: '100m' }, limits: { cpu: '1' } },
      ...podParts('group'),
    },
  ],
  listeners: [
    { name: 'lis', port: 8080, hosts: ['shop.example'], public: false, service: { type: 'NodePort', annotations: { 'a.example/b': 'c' } } },
  ],
  ...podParts('app'),
  resources: { requests: { memory: '200Mi' }, limits: { memory: '300Mi' } },
  rollout: {
    duration: '5m',
    steps: [{ weight: 50, hold: '1m', pause: false }, { weight: 100 }],
    strategy: 'gradual',
    progressDeadline: '10m',
    onFailure: 'rollback',
    paused: false,
    drainTimeout: '5m',
    bake: '10m',
    retain: { for: '2h', versions: 2 },
    rollbackWindow: '10m',
    analysis: {
      mode: 'enforce',
      maxErrorRateIncrease: 1,
      maxLatencyFactor: 1.5,
      minSamples: 50,
      initialDelay: '10s',
      onInconclusive: 'wait',
    },
  },
  revisionHistoryLimit: 10,
  traffic: {
    driver: 'proxy',
    replicas: 2,
    affinity: { mode: 'monotone', key: { header: 'X-User', cookie: 'user' }, carriers: ['header', 'cookie'], maxAge: '1h' },
  },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'x', operator: 'Exists' }],
  suspend: false,
}

interface Change {
  readonly to: unknown
  /** Paths that are taken out before, because they outrank the field. */
  readonly without?: readonly string[]
  /** A field that is looked at before anything is made: the test that shows it. */
  readonly shownBy?: string
}
const changesOfPodParts = (prefix: string): Readonly<Record<string, Change>> =>
  Object.fromEntries(
    Object.entries<unknown>({
      'env[].name': 'OTHER',
      'env[].value': 'other',
      'env[].valueFrom.secretKeyRef.name': 'other',
      'env[].valueFrom.secretKeyRef.key': 'other',
      'env[].valueFrom.secretKeyRef.optional': true,
      'env[].valueFrom.configMapKeyRef.name': 'other',
      'env[].valueFrom.configMapKeyRef.key': 'other',
      'env[].valueFrom.configMapKeyRef.optional': true,
      'env[].valueFrom.fieldRef.fieldPath': 'status.podIP',
      'env[].valueFrom.fieldRef.apiVersion': 'v2',
      'env[].valueFrom.resourceFieldRef.resource': 'limits.memory',
      'env[].valueFrom.resourceFieldRef.containerName': 'other',
      'env[].valueFrom.resourceFieldRef.divisor': '2',
      'envFrom[].prefix': 'OTHER_',
      'envFrom[].secretRef.name': 'other',
      'envFrom[].secretRef.optional': true,
      'envFrom[].configMapRef.name': 'other',
      'envFrom[].configMapRef.optional': true,
      'volumes[].name': 'other',
      'volumeMounts[].name': 'other',
      'volumeMounts[].mountPath': '/other',
      'volumeMounts[].subPath': 'other',
      'volumeMounts[].subPathExpr': 'other',
      'volumeMounts[].readOnly': false,
      'volumeMounts[].recursiveReadOnly': 'Disabled',
      'volumeMounts[].mountPropagation': 'Bidirectional',
      'podTemplate.metadata.labels.*': 'other',
      'podTemplate.metadata.annotations.*': 'other',
      'podTemplate.spec.*': 'other',
    }).map(([path, to]) => [`${prefix}${path}`, { to }]),
  )

/** Another value for each leaf of the schema; `[]` is the first element, `*` the first key. */
const CHANGES: Readonly<Record<string, Change>> = {
  image: { to: 'reg.example/shop:v2' },
  imagePullPolicy: { to: 'Never' },
  'imagePullSecrets[].name': { to: 'other' },
  'config.*.*': { to: 4 },
  'groups[].name': { to: 'carts' },
  'groups[].components[]': { to: 'shop/Tax' },
  'groups[].replicas.min': { to: 3 },
  'groups[].replicas.max': { to: 5 },
  'groups[].replicas.cpu': { to: 60 },
  'groups[].resources.requests.*': { to: '200m' },
  'groups[].resources.limits.*': { to: '2' },
  ...changesOfPodParts('groups[].'),
  'listeners[].name': { to: 'other' },
  'listeners[].port': { to: 9090 },
  'listeners[].hosts[]': { to: 'other.example' },
  'listeners[].public': { to: true },
  'listeners[].service.type': { to: 'LoadBalancer' },
  'listeners[].service.annotations.*': { to: 'd' },
  ...changesOfPodParts(''),
  'resources.requests.*': { to: '100Mi' },
  'resources.limits.*': { to: '400Mi' },
  revisionHistoryLimit: { to: 1 },
  'rollout.duration': { to: '6m', without: ['rollout.steps'] },
  'rollout.steps[].weight': { to: 40 },
  'rollout.steps[].hold': { to: '2m' },
  'rollout.steps[].pause': { to: true },
  'rollout.strategy': { to: 'cutover' },
  'rollout.progressDeadline': { to: '11m' },
  'rollout.onFailure': { to: 'pause' },
  'rollout.paused': { to: true },
  'rollout.drainTimeout': { to: '6m' },
  'rollout.bake': { to: '11m' },
  'rollout.retain.for': { to: '3h' },
  'rollout.retain.versions': { to: 3 },
  'rollout.rollbackWindow': { to: '15m' },
  'rollout.analysis.mode': { to: 'dryRun' },
  'rollout.analysis.maxErrorRateIncrease': { to: 2 },
  'rollout.analysis.maxLatencyFactor': { to: 3 },
  'rollout.analysis.minSamples': { to: 100 },
  'rollout.analysis.initialDelay': { to: '20s' },
  'rollout.analysis.onInconclusive': { to: 'abort' },
  'traffic.driver': { to: 'none' },
  'traffic.replicas': { to: 3 },
  'traffic.affinity.mode': { to: 'newSessionsOnly' },
  'traffic.affinity.key.header': { to: 'X-Session' },
  'traffic.affinity.key.cookie': { to: 'session', without: ['traffic.affinity.key.header'] },
  'traffic.affinity.carriers[]': { to: 'query' },
  'traffic.affinity.maxAge': { to: '2h' },
  'nodeSelector.*': { to: 'hdd' },
  'tolerations[].*': { to: 'y' },
  suspend: { to: true, shownBy: 'reconcile.api.test.ts: freezes a rollout where it is' },
}

type Schema = Readonly<Record<string, any>> // JSON Schema as zod writes it

function leavesOf(schema: Schema, path = ''): string[] {
  const under = (key: string) => (path === '' ? key : `${path}.${key}`)
  if (schema['properties'] !== undefined)
    return Object.entries<Schema>(schema['properties']).flatMap(([key, child]) => leavesOf(child, under(key)))
  if (schema['type'] === 'array') return leavesOf(schema['items'], `${path}[]`)
  if (schema['type'] === 'object') return leavesOf(schema['additionalProperties'] ?? {}, under('*'))
  return [path]
}

function changed(path: string, { to, without = [] }: Change): WeaverAppSpec {
  const raw: unknown = structuredClone(FULL)
  for (const gone of without) at(raw, gone, (parent, key) => delete parent[key])
  at(raw, path, (parent, key) => (parent[key] = to))
  return weaverAppSpecSchema.parse(raw)
}

/** Goes to a path and hands over what holds its last part. */
function at(root: unknown, path: string, then: (parent: Record<string, unknown>, key: string) => void): void {
  const keys = path.replaceAll('[]', '.[]').split('.')
  let parent = root as Record<string, unknown> // a clone of FULL, walked by paths of its schema
  const real = (key: string) => (key === '[]' ? '0' : key === '*' ? (Object.keys(parent)[0] ?? '') : key)
  for (const key of keys.slice(0, -1)) parent = parent[real(key)] as typeof parent // the same
  then(parent, real(keys.at(-1) ?? ''))
}

/** Records of two versions that ran once. */
const RETIRED: readonly Revision[] = [1, 2].map((revision) => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: { name: `hello-v${revision}`, annotations: { [ANNOTATIONS.retired]: '2026-01-01T00:00:00Z' } },
  revision,
}))

/**
 * What comes of a spec. The id of the version is a constant: it is a hash of most fields, and would
 * hide one that is not read.
 */
function made(spec: WeaverAppSpec): string {
  const image = { imageReference: spec.image }
  const plan = planVersion(APP, { format: 1, versionId: 'v1', spec, graph: GRAPH, ...image }, spec)
  const observed = { id: 'v1', endpoints: {} } as never // traffic plans read no more of it
  const traffic = buildTrafficPlan({ ...APP, replicas: spec.traffic.replicas }, [{ plan, observed }], {
    state: { weights: { v1: 100 }, draining: [] },
    affinity: trafficAffinity(spec.traffic.affinity),
  })
  return JSON.stringify([
    plan.groups.map((g) => [buildWorkload(plan, g, ['nats://n']), buildAutoscaler(plan, g), buildDisruptionBudget(plan, g)]),
    plan.listeners.map((l) => buildListenerService(plan, l)),
    buildVersionNetworkPolicy(plan),
    buildDescribePod(APP, 'v1', spec),
    plan.trafficDriver,
    rolloutPolicy(rolloutSettings(spec.rollout)),
    renderProxyFiles(listenersOf(traffic), emptyState(), 120),
    traffic.listeners.map((l) => buildStableService(APP, l.listener)),
    expiredRevisions(RETIRED, { limit: spec.revisionHistoryLimit, live: [] }),
    [traffic.app.replicas, buildProxyDisruptionBudget({ app: APP, replicas: traffic.app.replicas })],
  ])
}

const leaves = leavesOf(z.toJSONSchema(weaverAppSpecSchema, { io: 'input' }))

describe('every field of a spec', () => {
  it('has a change here: add one for a new field', () => {
    expect(Object.keys(CHANGES).sort()).toEqual([...new Set(leaves)].sort())
  })

  it.each(Object.entries(CHANGES).filter(([, change]) => change.shownBy === undefined))('%s is read by something', (path, change) => {
    const before = changed(path, { ...change, to: valueAt(path) })
    expect(made(changed(path, change))).not.toBe(made(before))
  })
})

function valueAt(path: string): unknown {
  let value: unknown
  at(structuredClone(FULL), path, (parent, key) => (value = parent[key]))
  return value
}
