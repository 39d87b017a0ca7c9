import { z } from 'zod'
import { envFromSchema, envSchema, podTemplateSchema, volumeMountsSchema, volumesSchema } from './pod-parts.js'
import { QUANTITY } from './quantities.js'
import { mapBy, rule } from './schema-marks.js'
import type { WeaverAppStatus } from './weaver-app-status.js'

/**
 * The one schema of a WeaverApp: TypeScript types, the CRD's structural schema and the chart's
 * values all come from here.
 */
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
const quantity = z.union([z.int().min(0), z.string().max(30).regex(QUANTITY)]).meta({ 'x-kubernetes-int-or-string': true })
const resources = z
  .object({ requests: z.record(z.string(), quantity).optional(), limits: z.record(z.string(), quantity).optional() })
  .meta({ description: 'CPU and memory of one replica, as in a pod.' })
/** What of a pod a spec adds to, for the whole app and for one group. */
const podParts = {
  env: envSchema.optional(),
  envFrom: envFromSchema.optional(),
  volumes: volumesSchema.optional(),
  volumeMounts: volumeMountsSchema.optional(),
  podTemplate: podTemplateSchema.optional(),
}

export const groupSchema = z.object({
  name: dnsLabel.meta({
    description: 'Name of the group; part of the names of its objects. Another name for the same components shows with the next version.',
  }),
  components: z.array(componentName).min(1).max(100).meta({
    'x-kubernetes-list-type': 'set',
    description: 'Components that run together in one process, like httpserver/Reverser. A component is in one group only.',
  }),
  /** @default { min: 1 }; an HPA is made when max > min. */
  replicas: z
    .object({
      min: z.int().min(0).max(1000).default(1).meta({ description: 'Replicas, or the least number of them when max is higher.' }),
      max: z.int().min(1).max(1000).optional().meta({ description: 'Above min: the group is scaled by its CPU use.' }),
      cpu: z.int().min(1).max(100).default(80).meta({ description: 'CPU use to aim at, in percent of the request.' }),
    })
    .meta({
      description: 'How many copies of the group run.',
      'x-kubernetes-validations': [
        rule('!has(self.max) || self.max >= self.min', 'max is less than min; raise max, lower min, or leave max out', '.max'),
      ],
    })
    .optional(),
  resources: resources.optional(),
  ...podParts,
})

/** A DNS name in lower case; `*.` stands for one label. */
const hostName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/)

/** A token of HTTP: the names of headers and cookies. */
const httpToken = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9_-]+$/)

const affinitySchema = z
  .object({
    mode: z.enum(['monotone', 'newSessionsOnly']).default('monotone').meta({
      description:
        'monotone: a user changes version at most once in a rollout, and back only when it is given up. newSessionsOnly: a user stays with the version of the first answer for as long as it lives.',
    }),
    key: z
      .object({
        header: httpToken.optional().meta({ description: 'Name of a header that identifies the user, like X-User-Id.' }),
        cookie: httpToken.optional().meta({ description: 'Name of a cookie that identifies the user.' }),
      })
      .meta({
        description: 'What identifies a user. Absent: a cookie that the proxy sets, weaver-bucket.',
        'x-kubernetes-validations': [rule('has(self.header) != has(self.cookie)', 'give either header or cookie')],
      })
      .optional(),
    carriers: z
      .array(z.enum(['header', 'query', 'cookie']))
      .max(3)
      .default(['header', 'query', 'cookie'])
      .meta({
        description:
          'By what a request may ask for one version: the header x-weaver-version, the parameter weaver-version of the query, the cookie weaver-version, in this order. None: by nothing.',
      }),
    maxAge: duration.default('24h').meta({ description: 'How long the cookies hold that the proxy sets.' }),
  })
  .meta({
    description: 'Which version a user reaches while several have weight. Absent: each request by itself.',
    'x-kubernetes-validations': [
      rule(
        "self.mode != 'newSessionsOnly' || self.carriers.exists(c, c == 'cookie')",
        'newSessionsOnly keeps the version in the cookie; add cookie to carriers',
      ),
    ],
  })

export const listenerSchema = z.object({
  name: dnsLabel.meta({ description: 'Name of the listener in the application.' }),
  /** Port of the stable Service. */
  port: z.int().min(1).max(65535).default(80).meta({ description: 'Port of the Service that users dial.' }),
  hosts: z.array(hostName).max(32).optional().meta({
    description:
      'Host names that it answers for, like shop.example.com or *.example.com; a request for another host gets 421. None: it answers for all.',
  }),
  public: z.boolean().default(false).meta({
    description:
      'Meant for users outside the cluster: labels its Service weaver.dev/public=true. The way in is service.type, or an Ingress of your own.',
  }),
  service: z
    .object({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional().meta({ description: 'Type of the Service. Absent: ClusterIP.' }),
      annotations: z
        .record(z.string(), z.string().max(4096))
        .optional()
        .meta({ description: 'Annotations of the Service, as a load balancer of the cluster reads them.' }),
    })
    .optional()
    .meta({ description: 'The Service that users dial.' }),
})

const stepSchema = z
  .object({
    weight: z.int().min(0).max(100).optional().meta({ description: 'Share of the new version in percent; absent: as in the step before.' }),
    hold: duration.optional().meta({ description: 'How long to stay once that share is in force.' }),
    pause: z.boolean().optional().meta({ description: 'Stay until the annotation weaver.dev/promote is set.' }),
  })
  .meta({
    'x-kubernetes-validations': [
      rule('has(self.weight) || has(self.hold) || has(self.pause)', 'the step is empty; give weight, hold or pause'),
    ],
  })

/** Absent fields have these defaults; they are those of every deployer (docs/analysis.md). */
const analysisSchema = z.object({
  mode: z.enum(['enforce', 'dryRun']).default('enforce').meta({
    description: 'enforce: a version that is worse fails; dryRun: it is only reported.',
  }),
  maxErrorRateIncrease: z.number().min(0).max(100).default(1).meta({
    description: 'By how many percentage points the share of failed calls of a method may exceed that of the active version.',
  }),
  maxLatencyFactor: z.number().min(1).max(1000).default(1.5).meta({
    description: 'How many times as long as in the active version the calls of a method may take.',
  }),
  minSamples: z.int().min(1).max(1_000_000).default(50).meta({
    description: 'Calls of a method that both versions must have had before anything is concluded from it.',
  }),
  initialDelay: duration.default('10s').meta({ description: 'How long a version serves before it is compared: it begins cold.' }),
  onInconclusive: z.enum(['wait', 'proceed', 'abort']).default('wait').meta({
    description: 'What happens when the hold of a step ends and there were too few calls.',
  }),
})

export const rolloutSchema = z
  .object({
    /** 10/25/50/75/100 % in equal slices of this time. */
    duration: duration
      .optional()
      .meta({ description: '10, 25, 50, 75 and 100 % in five equal slices of this time, like 5m. Excludes steps. Without either: 5m.' }),
    steps: z
      .array(stepSchema)
      .min(1)
      .max(50)
      .optional()
      .meta({
        description: 'The way to 100 %, step by step. Excludes duration.',
        'x-kubernetes-list-type': 'atomic',
        'x-kubernetes-validations': [
          rule(
            'self.filter(s, has(s.weight)).map(s, s.weight).isSorted()',
            'weights must ascend; order the steps so that each weight is higher than the one before',
          ),
          rule(
            'self.filter(s, has(s.weight)).all(s, self.exists_one(t, has(t.weight) && t.weight == s.weight))',
            'weights must ascend; two steps have the same weight (leave it out of a step that only holds or pauses)',
          ),
          rule(
            'self.exists(s, has(s.weight) && s.weight == 100)',
            'the last weight must be 100: only then the new version becomes the active one',
          ),
        ],
      }),
    strategy: z
      .enum(['gradual', 'cutover'])
      .default('gradual')
      .meta({ description: 'cutover: all traffic at once, when the new version is ready.' }),
    progressDeadline: duration.default('10m').meta({
      description: 'How long a rollout may be without progress before it fails. Holds and pauses do not count.',
      'x-kubernetes-validations': [rule("self.matches('[1-9]')", 'must not be 0; give the version time to start, like 10m')],
    }),
    onFailure: z
      .enum(['rollback', 'pause'])
      .default('rollback')
      .meta({ description: 'What happens at the deadline: all traffic back to the old version, or nothing until a user decides.' }),
    /** Freeze steps, keep healing. */
    paused: z.boolean().default(false).meta({ description: 'Take no further step; traffic still leaves a version that cannot serve.' }),
    /**
     * How long the old version may take to finish requests in flight once its weight is 0; then
     * they are cut, and that is recorded.
     */
    drainTimeout: duration.default('5m').meta({ description: 'How long an old version may take to finish what is in flight.' }),
    /** The old version keeps its pods: an abort in this time gives it all traffic at once. */
    bake: duration.optional().meta({
      description: 'The least time at 100 % with the old version still there, in which an abort is at once, like 10m.',
    }),
    retain: z
      .object({
        for: duration.meta({
          description: 'How long an old version keeps its pods after its last traffic, like 1h.',
          'x-kubernetes-validations': [rule("self.matches('[1-9]')", 'must not be 0; leave retain out to keep no old version')],
        }),
        versions: z.int().min(1).max(10).default(1).meta({ description: 'How many old versions at most, the last ones that were active.' }),
      })
      .optional()
      .meta({ description: 'Old versions that stay warm without traffic. Absent: none; they are removed as soon as they are drained.' }),
    analysis: analysisSchema
      .optional()
      .meta({ description: 'Compares the new version with the active one by component and method. Absent: nothing is compared.' }),
    rollbackWindow: duration.optional().meta({
      description:
        'A version that lost its traffic less than this ago, as the active one, gets all of it at once when it is asked for again, like 15m. Absent: by the steps.',
    }),
  })
  .meta({
    description: 'How traffic moves to a new version.',
    'x-kubernetes-validations': [
      rule('!(has(self.duration) && has(self.steps))', 'duration and steps exclude each other; keep one of them', '.steps'),
      rule(
        "self.strategy != 'cutover' || !(has(self.duration) || has(self.steps))",
        'a cutover has neither steps nor a duration; remove them, or set strategy to gradual',
        '.strategy',
      ),
      rule(
        "self.strategy != 'cutover' || !has(self.analysis)",
        'in a cutover the versions do not serve side by side, so nothing can be compared; remove analysis, or set strategy to gradual',
        '.analysis',
      ),
    ],
  })

export const weaverAppSpecSchema = z
  .object({
    image: z.string().min(1).max(500).meta({ description: 'Image of the application, with its component graph in it.' }),
    imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional().meta({ description: 'As in a pod.' }),
    imagePullSecrets: z
      .array(z.object({ name: z.string().min(1).max(253) }))
      .max(20)
      .optional()
      .meta({ description: 'As in a pod.', ...mapBy('name') }),
    /** Configuration by component name. */
    config: z
      .record(componentName, z.record(z.string(), z.unknown()))
      .optional()
      .meta({ description: 'Configuration by component name, as the component declares it.' }),
    /** Components named in no group get a group of their own. */
    groups: z
      .array(groupSchema)
      .max(30)
      .default([])
      .meta({
        description: 'Components that run together. A component that no group names gets a group of its own.',
        ...mapBy('name'),
        'x-kubernetes-validations': [
          rule(
            'self.all(g, g.components.all(c, self.exists_one(h, c in h.components)))',
            'two groups claim one component; leave it in one of them',
          ),
        ],
      }),
    listeners: z
      .array(listenerSchema)
      .max(50)
      .default([])
      .meta({
        description: 'Settings of the listeners that the application exports; one that is not named here gets the defaults.',
        ...mapBy('name'),
      }),
    ...podParts,
    /** Default resources of every group. */
    resources: resources.optional(),
    rollout: rolloutSchema.prefault({}),
    revisionHistoryLimit: z.int().min(0).max(100).default(10).meta({
      description:
        'How many versions that no longer run stay known. Going back to a known version needs no new look at its image: it is the same build, by digest.',
    }),
    traffic: z
      .object({
        driver: z
          .enum(['proxy', 'none'])
          .default('proxy')
          .meta({ description: 'proxy: a managed HAProxy splits traffic; none: another controller follows the status.' }),
        replicas: z.int().min(1).max(20).default(2).meta({ description: 'Replicas of the proxy.' }),
        affinity: affinitySchema.optional(),
      })
      .meta({ description: 'Who splits user traffic between versions.' })
      .prefault({}),
    nodeSelector: z.record(z.string(), z.string()).optional().meta({ description: 'As in a pod.' }),
    tolerations: z.array(z.record(z.string(), z.unknown())).max(50).optional().meta({ description: 'As in a pod.' }),
    /** Freeze everything: nothing is created, moved or removed. */
    suspend: z.boolean().default(false).meta({ description: 'Freeze everything: nothing is created, moved or removed.' }),
  })
  .meta({ description: 'What is wanted.' })

export type WeaverAppSpec = z.output<typeof weaverAppSpecSchema>
export type WeaverAppSpecInput = z.input<typeof weaverAppSpecSchema>
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
