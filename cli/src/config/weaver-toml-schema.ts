import { QUANTITY } from '@weaver/crds'
import { z } from 'zod'
import { affinitySchema } from './affinity-schema.js'
import { analysisSchema } from './analysis-schema.js'
import { duration, processes, text } from './toml-values.js'

/**
 * The shape of weaver.toml but for [`[gke]`](gke-schema.ts): Service Weaver's application section, its
 * `[single]`, `[multi]` and `[ssh]`, and `[kube]` with what Service Weaver had in a YAML file of its
 * own. Fields for the cluster are checked again as a WeaverApp (`@weaver/crds`). docs/cli.md prints
 * descriptions and defaults.
 */
const quantity = z.union([z.int().min(0), z.string().regex(QUANTITY)], {
  error: 'is not a quantity; write it as "100m", "0.5", 2, "128Mi" or "1e9"',
})
const resources = z.strictObject({
  requests: z
    .record(z.string(), quantity)
    .optional()
    .meta({ description: 'What is reserved for one replica: `{ cpu = "100m", memory = "128Mi" }`.' }),
  limits: z.record(z.string(), quantity).optional().meta({ description: 'What one replica may use at most.' }),
})
const replicas = z.union(
  [
    z.int().min(0),
    z.strictObject({
      min: z.int().min(0).meta({ description: 'Replicas, or the least number of them when `max` is higher.' }),
      max: z.int().min(1).optional().meta({ description: 'Above `min`: the group is scaled by its CPU use.' }),
      cpu: z.int().min(1).max(100).optional().meta({ description: 'CPU use to aim at, in percent of the request.', byDefault: '80' }),
    }),
  ],
  { error: 'is not a number of replicas; give a number, or a table such as { min = 1, max = 10, cpu = 80 }' },
)
const environmentEntry = z
  .string()
  .regex(/^[-._a-zA-Z][-._a-zA-Z0-9]*=/, 'is not KEY=value; write it as "KEY=value", the key of letters, digits, "_", "-" and "."')
const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not a namespace name; use at most 63 lower-case letters, digits and "-"')

/** `[serviceweaver]`, or `[weaver]`. */
export const applicationSchema = z.strictObject({
  name: text.optional().meta({
    description: 'Name of the application.',
    byDefault: 'that of the binary, without `.js`; on Kubernetes the name in `package.json`, without its scope',
  }),
  binary: text.optional().meta({ description: 'The file to run, relative to the folder of weaver.toml.', byDefault: '`"dist/main.js"`' }),
  args: z.array(z.string()).optional().meta({ description: 'Arguments of the application.' }),
  env: z.array(environmentEntry).optional().meta({ description: 'Environment variables of the application: `["KEY=value"]`.' }),
  colocate: z.array(z.array(text).min(1)).optional().meta({
    description: 'Lists of components that are always hosted together; a component is in one list only. `[[kube.groups]]` says more.',
  }),
  rollout: duration.optional().meta({
    description: 'How long a rollout takes: 10, 25, 50, 75 and 100 % in five equal slices. `kube.rollout` says more.',
    byDefault: '`"5m"`',
  }),
})

/** `localhost:8080`, `[::1]:0`, `:80`; a port is at most 65535. */
const ADDRESS = /^.*:(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/
/** Addresses of listeners for a deployer of this machine. */
const localListeners = z
  .record(
    z.string(),
    z.strictObject(
      {
        address: z
          .string()
          .regex(ADDRESS, 'is not an address; write it as "localhost:8080", with port 0 for any free one')
          .optional()
          .meta({ description: 'Where the listener of that name listens: `"localhost:8080"`.', byDefault: 'a free port of `localhost`' }),
      },
      {
        error: ({ code, input }) =>
          code === 'invalid_type' ? `is not a table; write it as { address = ${exampleAddress(input)} }` : undefined,
      },
    ),
  )
  .optional()
  .meta({ keyName: 'LISTENER' })

/** The address for the hint: the input itself may be one, in place of a table. */
function exampleAddress(input: unknown): string {
  return JSON.stringify(typeof input === 'string' && ADDRESS.test(input) ? input : 'localhost:8080')
}

export const singleSchema = z.strictObject({ listeners: localListeners })

/** `[multi]`. */
export const multiSchema = z.strictObject({
  listeners: localListeners,
  replicas: processes.optional().meta({ description: 'Processes of every group that says nothing itself.', byDefault: '2' }),
  groups: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/, 'is not a name; use at most 40 lower-case letters, digits and "-", a letter first')
          .meta({ description: 'Name of the group.' }),
        components: z
          .array(text)
          .min(1)
          .meta({ description: 'Components that run together in one process; a component is in one group only.' }),
        replicas: processes.optional().meta({ description: 'Processes of this group.', byDefault: '`multi.replicas`' }),
      }),
    )
    .optional()
    .meta({ description: 'Components that run together, as `[[multi.groups]]`. A component that no group names gets a group of its own.' }),
  restart: z.enum(['restart', 'stop-all', 'leave']).optional().meta({
    description:
      'What follows when a process ends by itself: another one after a pause that grows from 100 ms to 30 s, the end of the whole deployment, or nothing.',
    byDefault: '`"restart"`',
  }),
  mtls: z.boolean().optional().meta({
    description:
      'Of Service Weaver, and without effect: processes talk over a broker of this machine alone, each group as a user of its own.',
    byDefault: '`false`',
  }),
})

const sshHost = text.regex(/^[^-\s]\S*$/, 'is not a host; write it as ssh takes it: "build-1", "ada@10.0.0.7"')

/** `[ssh]`. */
export const sshSchema = z.strictObject({
  locations: z
    .union(
      [
        text,
        z.array(
          z.union([
            sshHost,
            z.strictObject({
              host: sshHost,
              address: text.optional().meta({ description: 'By which the other machines and this one reach it.' }),
            }),
          ]),
        ),
      ],
      { error: 'is not a list of hosts, nor the name of a file with one in each line' },
    )
    .optional()
    .meta({
      description:
        'The machines, as ssh takes them: `["ada@build-1", { host = "build-2", address = "10.0.0.7" }]`; or a file with one in each line, relative to weaver.toml.',
    }),
  listeners: multiSchema.shape.listeners,
  replicas: processes
    .optional()
    .meta({ description: 'Processes of every group that says nothing itself.', byDefault: 'one for each machine' }),
  groups: multiSchema.shape.groups.meta({
    description: 'Components that run together, as `[[ssh.groups]]`, with the fields of `[[multi.groups]]`.',
  }),
  restart: multiSchema.shape.restart,
})

const asInPod = z.record(z.string(), z.unknown())
/** Parts of pods, with the fields of Kubernetes; `@weaver/crds` checks them. */
const podParts = {
  variables: z.array(asInPod).optional().meta({
    description:
      'Environment variables as in a pod: `[{ name = "DB_PASSWORD", valueFrom = { secretKeyRef = { name = "db", key = "password" } } }]`.',
  }),
  env_from: z.array(asInPod).optional().meta({
    description: 'Every key of Secrets and ConfigMaps as variables, as `envFrom` in a pod: `[{ secretRef = { name = "api" } }]`.',
  }),
  volumes: z.array(asInPod).optional().meta({ description: 'Volumes, as in a pod: `[{ name = "db", secret = { secretName = "db" } }]`.' }),
  volume_mounts: z
    .array(asInPod)
    .optional()
    .meta({ description: 'Where they are, as `volumeMounts` in a pod: `[{ name = "db", mountPath = "/run/secrets/db" }]`.' }),
  pod_template: asInPod.optional().meta({
    description:
      'Laid over the pods: `metadata` and `spec`, as in a pod template. See [config.md](config.md#secrets-and-configmaps-on-kubernetes).',
  }),
}

const kubeGroupSchema = z.strictObject({
  name: text.meta({
    description: 'Name of the group; part of the names of its objects. Another name for the same components shows with the next version.',
  }),
  components: z.array(text).min(1).meta({ description: 'Components that run together in one process; a component is in one group only.' }),
  replicas: replicas.optional().meta({ description: 'How many copies of the group run.', byDefault: '`kube.replicas`' }),
  resources: resources.optional().meta({ description: 'CPU and memory of one replica, as in a pod.', byDefault: '`kube.resources`' }),
  env: z.array(environmentEntry).optional().meta({ description: 'Environment variables of this group: `["KEY=value"]`.' }),
  ...podParts,
})

const buildSchema = z.strictObject({
  package: text.optional().meta({
    description: 'Folder of the package to build, relative to weaver.toml.',
    byDefault: 'the folder of the nearest `package.json` above `binary`',
  }),
  engine: z.enum(['auto', 'docker', 'podman', 'buildah', 'none']).optional().meta({
    description: 'What builds the image; `none`: weaver itself, `auto`: an engine that answers, else weaver itself.',
    byDefault: '`"auto"`',
  }),
  platforms: z.array(text).min(1).optional().meta({
    description: 'Platforms to build for: `["linux/amd64"]`.',
    byDefault: 'linux/amd64 and that of this machine, as far as the base image has them',
  }),
})

const stepSchema = z.strictObject({
  weight: z.int().min(0).max(100).optional().meta({
    description: 'Share of the new version in percent; weights ascend and the last is 100.',
    byDefault: 'that of the step before',
  }),
  hold: duration.optional().meta({ description: 'How long to stay once that share is in force.' }),
  pause: z.boolean().optional().meta({ description: 'Stay until `weaver kube promote`.', byDefault: '`false`' }),
})

const rolloutSchema = z.strictObject({
  duration: duration.optional().meta({
    description: '10, 25, 50, 75 and 100 % in five equal slices of this time. Excludes `steps`.',
    byDefault: '`serviceweaver.rollout`',
  }),
  steps: z.array(stepSchema).min(1).optional().meta({ description: 'The way to 100 %, step by step. Excludes `duration`.' }),
  strategy: z
    .enum(['gradual', 'cutover'])
    .optional()
    .meta({ description: '`cutover`: all traffic at once, when the new version is ready.', byDefault: '`"gradual"`' }),
  progress_deadline: duration.optional().meta({
    description: 'How long a rollout may be without progress before it fails. Holds and pauses do not count.',
    byDefault: '`"10m"`',
  }),
  on_failure: z.enum(['rollback', 'pause']).optional().meta({
    description: 'What happens then: all traffic back to the old version, or nothing until a user decides.',
    byDefault: '`"rollback"`',
  }),
  drain_timeout: duration
    .optional()
    .meta({ description: 'How long an old version may take to finish what is in flight.', byDefault: '`"5m"`' }),
  bake: duration.optional().meta({
    description: 'The least time at 100 % with the old version still there, in which an abort is at once.',
    byDefault: 'the hold of the last step',
  }),
  retain: z
    .strictObject({
      for: duration.meta({ description: 'How long an old version keeps its pods after its last traffic.' }),
      versions: z
        .int()
        .min(1)
        .max(10)
        .optional()
        .meta({ description: 'How many old versions at most, the last ones that were active.', byDefault: '`1`' }),
    })
    .optional()
    .meta({ description: 'Old versions that stay warm without traffic.', byDefault: 'none' }),
  rollback_window: duration.optional().meta({
    description:
      'A version that lost its traffic less than this ago, as the active one, gets all of it at once when it is asked for again.',
    byDefault: 'none: by the steps',
  }),
  analysis: analysisSchema.optional().meta({
    description: 'Compares the new version with the active one by component and method.',
    byDefault: 'nothing is compared',
  }),
  paused: z
    .boolean()
    .optional()
    .meta({ description: 'Take no further step; traffic still leaves a version that cannot serve.', byDefault: '`false`' }),
})

export const kubeSchema = z.strictObject({
  namespace: namespace.optional().meta({
    description: 'Namespace of the application; `--namespace` goes before it.',
    byDefault: 'that of the context in the kubeconfig, else `"default"`',
  }),
  repo: text.optional().meta({
    description: 'Registry and path that images are pushed to: `"registry.example/team"`; the name of the application is added.',
    byDefault: '`$WEAVER_KUBE_REPO`, else `$WEAVER_REGISTRY`',
  }),
  image: text.optional().meta({ description: 'Full name of the image without a tag, in place of `repo` and the name.' }),
  base_image: text.optional().meta({
    description: 'Image that the application is put onto.',
    byDefault: '`$WEAVER_BASE_IMAGE`, else `"docker.io/library/node:24-slim"`',
  }),
  build: buildSchema.optional(),
  replicas: replicas.optional().meta({ description: 'Of every group that says nothing itself.', byDefault: '1' }),
  resources: resources
    .optional()
    .meta({ description: 'CPU and memory of one replica of every group that says nothing itself, as in a pod.' }),
  listeners: z
    .record(
      z.string(),
      z.strictObject({
        port: z.int().min(1).max(65535).optional().meta({ description: 'Port of the Service that users dial.', byDefault: '80' }),
        public: z.boolean().optional().meta({
          description:
            'Meant for users outside the cluster: labels its Service `weaver.dev/public=true`. The way in is `service.type`, or an Ingress of your own.',
          byDefault: '`false`',
        }),
        hosts: z.array(text).optional().meta({
          description: 'Host names that it answers for, like `shop.example.com` or `*.example.com`; other hosts get 421.',
          byDefault: 'all',
        }),
        service: z
          .strictObject({
            type: z
              .enum(['ClusterIP', 'NodePort', 'LoadBalancer'])
              .optional()
              .meta({ description: 'Type of the Service.', byDefault: '`ClusterIP`' }),
            annotations: z
              .record(z.string(), z.string())
              .optional()
              .meta({ description: 'Annotations of the Service, as a cloud reads them.', keyName: 'ANNOTATION' }),
          })
          .optional(),
      }),
    )
    .optional()
    .meta({ keyName: 'LISTENER' }),
  groups: z
    .array(kubeGroupSchema)
    .optional()
    .meta({ description: 'Components that run together, as `[[kube.groups]]`. A component that no group names gets a group of its own.' }),
  rollout: rolloutSchema.optional(),
  revision_history_limit: z.int().min(0).max(100).optional().meta({
    description: 'How many versions that no longer run stay known. Going back to a known version runs the same build.',
    byDefault: '10',
  }),
  traffic: z
    .strictObject({
      driver: z.enum(['proxy', 'none']).optional().meta({
        description: '`proxy`: a managed HAProxy splits traffic; `none`: another controller follows the status.',
        byDefault: '`"proxy"`',
      }),
      replicas: z.int().min(1).optional().meta({ description: 'Replicas of the proxy.', byDefault: '2' }),
      affinity: affinitySchema.optional(),
    })
    .optional(),
  image_pull_policy: z.enum(['Always', 'IfNotPresent', 'Never']).optional().meta({ description: 'As `imagePullPolicy` in a pod.' }),
  image_pull_secrets: z.array(text).optional().meta({ description: 'Names of Secrets with the credentials of the registry.' }),
  node_selector: z.record(z.string(), z.string()).optional().meta({ description: 'As `nodeSelector` in a pod.' }),
  tolerations: z.array(z.record(z.string(), z.unknown())).optional().meta({ description: 'As in a pod.' }),
  ...podParts,
})

export type ApplicationSection = z.output<typeof applicationSchema>
export type KubeSection = z.output<typeof kubeSchema>
export type SingleSection = z.output<typeof singleSchema>
export type MultiSection = z.output<typeof multiSchema>
export type SshSection = z.output<typeof sshSchema>
export type KubeReplicas = NonNullable<KubeSection['replicas']>

/** Names of the application section; the long one is Service Weaver's import path. */
export const APPLICATION_SECTIONS = ['serviceweaver', 'weaver', 'github.com/ServiceWeaver/weaver'] as const
/**
 * Sections of deployers that this command lacks. They are accepted unread, so that one file serves
 * several tools.
 */
export const FOREIGN_SECTIONS = ['gke-local'] as const
