import { z } from 'zod'

/**
 * The shape of weaver.toml: Service Weaver's application section, its `[single]`, and `[kube]`, which holds what Service Weaver had in a YAML file of its own.
 * What a field means for the cluster is checked again as a WeaverApp (`@weaver/crds`).
 */
const text = z.string().min(1)
const quantity = z.union([z.string(), z.number()])
const resources = z.strictObject({ requests: z.record(z.string(), quantity).optional(), limits: z.record(z.string(), quantity).optional() })
const replicas = z.union(
  [z.int().min(0), z.strictObject({ min: z.int().min(0), max: z.int().min(1).optional(), cpu: z.int().min(1).max(100).optional() })],
  {
    error: 'is no number of replicas',
  },
)
const environmentEntry = z.string().regex(/^[^=]+=/, 'is no KEY=value')

/** `[serviceweaver]`, or `[weaver]`. */
export const applicationSchema = z.strictObject({
  /** @default the name of the package, without its scope */
  name: text.optional(),
  /** The file to run, relative to the folder of weaver.toml. @default "dist/main.js" */
  binary: text.optional(),
  args: z.array(z.string()).optional(),
  env: z.array(environmentEntry).optional(),
  /** Components that are always hosted together. */
  colocate: z.array(z.array(text).min(1)).optional(),
  /** How long a rollout takes. */
  rollout: text.optional(),
})

export const singleSchema = z.strictObject({
  listeners: z.record(z.string(), z.strictObject({ address: z.string().optional() })).optional(),
})

const kubeGroupSchema = z.strictObject({
  name: text,
  components: z.array(text).min(1),
  replicas: replicas.optional(),
  resources: resources.optional(),
  env: z.array(environmentEntry).optional(),
})

export const kubeSchema = z.strictObject({
  /** @default the namespace of the kubeconfig's context, else "default" */
  namespace: text.optional(),
  /** Registry and repository prefix that images are pushed to: `registry.example/team`. */
  repo: text.optional(),
  /** Full name of the image without a tag, instead of `repo/NAME`. */
  image: text.optional(),
  /** @default "docker.io/library/node:20-slim" */
  base_image: text.optional(),
  build: z
    .strictObject({
      /** Folder of the package to build, relative to weaver.toml. @default the folder of the package.json above `binary` */
      package: text.optional(),
      /** @default "auto" */
      engine: z.enum(['auto', 'docker', 'podman', 'buildah', 'none']).optional(),
      /** @default linux/amd64 and this machine's architecture, as far as the base image has them */
      platforms: z.array(text).min(1).optional(),
    })
    .optional(),
  /** Of every group that says nothing itself. */
  replicas: replicas.optional(),
  resources: resources.optional(),
  listeners: z
    .record(
      z.string(),
      z.strictObject({ port: z.int().min(1).max(65535).optional(), public: z.boolean().optional(), hosts: z.array(text).optional() }),
    )
    .optional(),
  groups: z.array(kubeGroupSchema).optional(),
  rollout: z
    .strictObject({
      duration: text.optional(),
      steps: z
        .array(z.strictObject({ weight: z.int().min(0).max(100).optional(), hold: text.optional(), pause: z.boolean().optional() }))
        .optional(),
      strategy: z.enum(['gradual', 'cutover']).optional(),
      progress_deadline: text.optional(),
      on_failure: z.enum(['rollback', 'pause']).optional(),
      drain_timeout: text.optional(),
      paused: z.boolean().optional(),
    })
    .optional(),
  traffic: z.strictObject({ driver: z.enum(['proxy', 'none']).optional(), replicas: z.int().min(1).optional() }).optional(),
  image_pull_policy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  image_pull_secrets: z.array(text).optional(),
  node_selector: z.record(z.string(), z.string()).optional(),
  tolerations: z.array(z.record(z.string(), z.unknown())).optional(),
})

export type ApplicationSection = z.output<typeof applicationSchema>
export type KubeSection = z.output<typeof kubeSchema>
export type SingleSection = z.output<typeof singleSchema>
export type KubeReplicas = NonNullable<KubeSection['replicas']>

/** Names of the application section; the long one is Service Weaver's import path. */
export const APPLICATION_SECTIONS = ['serviceweaver', 'weaver', 'github.com/ServiceWeaver/weaver'] as const
/** Sections of deployers that this command does not have; they are let pass unread, so that one file serves several tools. */
export const FOREIGN_SECTIONS = ['multi', 'ssh', 'gke', 'gke-local'] as const
