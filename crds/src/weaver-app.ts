import { z } from 'zod'

/** The one schema of a WeaverApp: TypeScript types, the CRD's structural schema and the chart's values all come from here. */
export const API_GROUP = 'weaver.dev'
export const API_VERSION = 'v1alpha1'
export const WEAVER_APP_KIND = 'WeaverApp'
export const WEAVER_APP_PLURAL = 'weaverapps'

const dnsLabel = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)
const componentName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/)
/** `500ms`, `30s`, `5m`, `1h30m`. */
const duration = z
  .string()
  .max(30)
  .regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/)
const quantity = z.union([z.string().max(30), z.number()])
const resources = z.object({ requests: z.record(z.string(), quantity).optional(), limits: z.record(z.string(), quantity).optional() })

export const groupSchema = z.object({
  name: dnsLabel,
  components: z.array(componentName).min(1).max(200),
  /** @default { min: 1, max: 1 }; an HPA is made when max > min. */
  replicas: z
    .object({
      min: z.int().min(0).max(1000).default(1),
      max: z.int().min(1).max(1000).optional(),
      cpu: z.int().min(1).max(100).default(80),
    })
    .optional(),
  resources: resources.optional(),
  env: z
    .array(z.object({ name: z.string().min(1).max(200), value: z.string().max(4096) }))
    .max(100)
    .optional(),
})

export const listenerSchema = z.object({
  name: dnsLabel,
  /** Port of the stable Service. */
  port: z.int().min(1).max(65535).default(80),
  hosts: z.array(z.string().min(1).max(253)).max(32).optional(),
  public: z.boolean().default(false),
})

export const stepSchema = z.object({
  weight: z.int().min(0).max(100).optional(),
  hold: duration.optional(),
  pause: z.boolean().optional(),
})

export const rolloutSchema = z.object({
  /** 10/25/50/75/100 % in equal slices of this time. */
  duration: duration.optional(),
  steps: z.array(stepSchema).min(1).max(50).optional(),
  strategy: z.enum(['gradual', 'cutover']).default('gradual'),
  progressDeadline: duration.default('10m'),
  onFailure: z.enum(['rollback', 'pause']).default('rollback'),
  /** Freeze steps, keep healing. */
  paused: z.boolean().default(false),
  /** How long the old version may take to finish what is in flight once its weight is 0; then it is cut, and that is recorded. */
  drainTimeout: duration.default('5m'),
})

export const weaverAppSpecSchema = z.object({
  image: z.string().min(1).max(500),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  imagePullSecrets: z
    .array(z.object({ name: z.string().min(1).max(253) }))
    .max(20)
    .optional(),
  /** Configuration by component name. */
  config: z.record(componentName, z.record(z.string(), z.unknown())).optional(),
  /** Components named in no group get a group of their own. */
  groups: z.array(groupSchema).max(100).default([]),
  listeners: z.array(listenerSchema).max(50).default([]),
  env: z
    .array(z.object({ name: z.string().min(1).max(200), value: z.string().max(4096) }))
    .max(100)
    .optional(),
  /** Default resources of every group. */
  resources: resources.optional(),
  rollout: rolloutSchema.prefault({}),
  traffic: z.object({ driver: z.enum(['proxy', 'none']).default('proxy'), replicas: z.int().min(1).max(20).default(2) }).prefault({}),
  nodeSelector: z.record(z.string(), z.string()).optional(),
  tolerations: z.array(z.record(z.string(), z.unknown())).max(50).optional(),
  /** Freeze everything: nothing is created, moved or removed. */
  suspend: z.boolean().default(false),
})

export const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().optional(),
  lastTransitionTime: z.string(),
  reason: z.string(),
  message: z.string(),
})

export const versionStatusSchema = z.object({
  id: z.string(),
  image: z.string(),
  digest: z.string().optional(),
  phase: z.enum(['Pending', 'Starting', 'Ready', 'Degraded', 'Draining', 'Failed']),
  /** `2/3`: groups ready of groups wanted. */
  ready: z.string(),
  weightDesired: z.int(),
  /** From the proxies' own counters; absent: not known. */
  weightObserved: z.number().optional(),
  inFlight: z.int().optional(),
})

export const weaverAppStatusSchema = z.object({
  observedGeneration: z.int().optional(),
  phase: z.string().optional(),
  ready: z.string().optional(),
  active: z.string().optional(),
  preview: z.string().optional(),
  /** `25/25`: observed and desired share of the preview version, in percent. */
  weight: z.string().optional(),
  /** `2/5`. */
  step: z.string().optional(),
  next: z.string().optional(),
  waitingFor: z.string().optional(),
  image: z.string().optional(),
  versions: z.array(versionStatusSchema).optional(),
  schedule: z.array(z.object({ at: z.string(), weight: z.int() })).optional(),
  /** Opaque to users: what the rollout engine must remember between two reconciles. */
  engine: z.record(z.string(), z.unknown()).optional(),
  history: z.array(z.object({ at: z.string(), event: z.string(), version: z.string().optional(), message: z.string() })).optional(),
  conditions: z.array(conditionSchema).optional(),
})

export type WeaverAppSpec = z.output<typeof weaverAppSpecSchema>
export type WeaverAppSpecInput = z.input<typeof weaverAppSpecSchema>
export type WeaverAppStatus = z.output<typeof weaverAppStatusSchema>
export type VersionStatus = z.output<typeof versionStatusSchema>
export type Condition = z.output<typeof conditionSchema>
export type GroupSpec = z.output<typeof groupSchema>
export type ListenerSpec = z.output<typeof listenerSchema>
export type RolloutSpec = z.output<typeof rolloutSchema>

export interface WeaverApp {
  readonly apiVersion: `${typeof API_GROUP}/${typeof API_VERSION}`
  readonly kind: typeof WEAVER_APP_KIND
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly generation: number
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly deletionTimestamp?: string
    readonly finalizers?: readonly string[]
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: WeaverAppSpec
  readonly status?: WeaverAppStatus
}
