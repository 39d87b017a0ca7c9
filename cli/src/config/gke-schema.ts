/** `[gke]` of weaver.toml, as `weaver gke-local` reads it. */
import { z } from 'zod'
import { affinitySchema } from './affinity-schema.js'
import { analysisSchema } from './analysis-schema.js'
import { duration, processes, text } from './toml-values.js'

const hostName = z.string().regex(/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i, 'is not a host name; write it as "hello.com"')
const ofServiceWeaver = 'Of Service Weaver, and without effect with `weaver gke-local`.'

/** `[gke]`. */
export const gkeSchema = z.strictObject({
  regions: z
    .array(
      z
        .string()
        .regex(/^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$/, 'is not a region; use at most 30 lower-case letters, digits and "-", a letter first'),
    )
    .min(1)
    .optional()
    .meta({
      description: 'Where the application runs: a complete copy in each. A rollout begins in the first.',
      byDefault: '`["us-west1"]`',
    }),
  listeners: z
    .record(
      z.string(),
      z.strictObject({
        public_hostname: hostName.optional().meta({ description: 'Host name by which users reach the listener: `"hello.com"`.' }),
        hostname: hostName.optional().meta({
          description: 'The same, with `is_public`; without it a name for use inside.',
          byDefault: '`<listener>.<application>.internal`',
        }),
        is_public: z.boolean().optional().meta({ description: 'Whether `hostname` is meant for users.', byDefault: '`false`' }),
      }),
    )
    .optional()
    .meta({ keyName: 'LISTENER' }),
  replicas: processes.optional().meta({ description: 'Processes of every group in each region.', byDefault: '`gke.minreplicas`, else 2' }),
  minreplicas: processes.optional().meta({ description: 'The same, as Service Weaver names it.' }),
  progress_deadline: duration.optional().meta({
    description: 'How long a rollout may be without progress before it fails. Holds and pauses do not count.',
    byDefault: '`"1m"`',
  }),
  on_failure: z.enum(['rollback', 'pause']).optional().meta({
    description: 'What happens then: all traffic back to the old version, or nothing until a user decides.',
    byDefault: '`"rollback"`',
  }),
  drain_timeout: duration
    .optional()
    .meta({ description: 'How long an old version may take to finish what is in flight.', byDefault: '`"30s"`' }),
  analysis: analysisSchema.optional(),
  affinity: affinitySchema.optional(),
  image: text.optional().meta({ description: ofServiceWeaver }),
  mtls: z.boolean().optional().meta({ description: ofServiceWeaver }),
})

export type GkeSection = z.output<typeof gkeSchema>
