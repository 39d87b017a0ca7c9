/** `[gke]` of weaver.toml, as `weaver gke-local` reads it. */
import { z } from 'zod'
import { duration, processes, text } from './toml-values.js'

const hostName = z.string().regex(/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i, 'is not a host name; write it as "hello.com"')
const ofServiceWeaver = 'Of Service Weaver, and without effect with `weaver gke-local`.'

/** `docs/analysis.md` says what is compared, and how. */
const analysisSchema = z.strictObject({
  mode: z.enum(['enforce', 'dryRun']).optional().meta({
    description: 'Give up a version that calls show to be worse than the active one, or only report it.',
    byDefault: '`"enforce"`',
  }),
  on_inconclusive: z.enum(['wait', 'proceed', 'abort']).optional().meta({
    description: 'What happens when the hold of a step ends and there were too few calls.',
    byDefault: '`"wait"`',
  }),
  initial_delay: duration
    .optional()
    .meta({ description: 'How long a version serves before it is compared: it begins cold.', byDefault: '`"10s"`' }),
  min_samples: z.int().min(1).optional().meta({
    description: 'Calls of a method that both versions must have had before anything is concluded from it.',
    byDefault: '50',
  }),
  max_error_rate_increase: z.number().min(0).max(100).optional().meta({
    description: 'By how many percentage points the share of failed calls of a method may exceed that of the active version.',
    byDefault: '1',
  }),
  max_latency_factor: z.number().min(1).max(1_000).optional().meta({
    description: 'How many times as long as in the active version the calls of a method may take.',
    byDefault: '1.5',
  }),
})

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
  image: text.optional().meta({ description: ofServiceWeaver }),
  mtls: z.boolean().optional().meta({ description: ofServiceWeaver }),
})

export type GkeSection = z.output<typeof gkeSchema>
