/** What `status` of a WeaverApp says; the operator writes it. */
import { z } from 'zod'
import { mapBy } from './schema-marks.js'

const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().optional(),
  lastTransitionTime: z.string(),
  reason: z.string(),
  message: z.string(),
})

/** A method as the analysis has found it in both versions. */
const comparedMethodSchema = z.object({
  component: z.string(),
  method: z.string(),
  what: z.enum(['errors', 'latency']).meta({ description: 'errors: values are percent of calls that failed; latency: milliseconds.' }),
  quantile: z.number().optional().meta({ description: 'Of latency: 0.5 is the median.' }),
  active: z.number(),
  preview: z.number(),
  calls: z.object({ active: z.int(), preview: z.int() }),
})

const versionAnalysisSchema = z.object({
  state: z.enum(['Inconclusive', 'Passing', 'Failed']),
  /** In words, with what is known. */
  reason: z.string(),
  /** Methods that had enough calls in both versions. */
  methods: z.int().optional(),
  worst: comparedMethodSchema.optional().meta({ description: 'The method that failed, or comes nearest to it.' }),
})

const versionStatusSchema = z.object({
  id: z.string(),
  image: z.string(),
  digest: z.string().optional(),
  phase: z.enum(['Pending', 'Starting', 'Ready', 'Degraded', 'Draining', 'Drained', 'Failed', 'Burned']),
  /** `2/3`: groups ready of groups wanted. */
  ready: z.string(),
  weightDesired: z.int(),
  /** What every ready proxy has read back from its running state; absent: not known. */
  weightObserved: z.number().optional(),
  inFlight: z.int().optional(),
  /** How it compares with the active version, step by step. */
  analysis: versionAnalysisSchema.optional(),
})

export const weaverAppStatusSchema = z.object({
  observedGeneration: z.int().optional(),
  phase: z.string().optional(),
  ready: z.string().optional(),
  /** Version that the spec asks for, whether or not it exists; absent while the spec is invalid. */
  desired: z.string().optional(),
  active: z.string().optional(),
  preview: z.string().optional(),
  /** `25/25`: observed and desired share of the preview version, in percent. */
  weight: z.string().optional(),
  /** `2/5`. */
  step: z.string().optional(),
  next: z.string().optional(),
  /** What is awaited and why, in full. */
  waitingFor: z.string().optional(),
  /** The beginning of `waitingFor`, short enough for a column. */
  awaits: z.string().optional(),
  image: z.string().optional(),
  versions: z.array(versionStatusSchema).optional().meta(mapBy('id')),
  /** Versions that a user burned, oldest first: none of them serves again. */
  burned: z.array(z.string()).optional(),
  schedule: z.array(z.object({ at: z.string(), weight: z.int() })).optional(),
  /** Opaque to users: what the rollout engine must remember between two reconciles. */
  engine: z.record(z.string(), z.unknown()).optional(),
  history: z.array(z.object({ at: z.string(), event: z.string(), version: z.string().optional(), message: z.string() })).optional(),
  conditions: z.array(conditionSchema).optional().meta(mapBy('type')),
})

export type WeaverAppStatus = z.output<typeof weaverAppStatusSchema>
export type VersionStatus = z.output<typeof versionStatusSchema>
export type VersionAnalysis = z.output<typeof versionAnalysisSchema>
export type Condition = z.output<typeof conditionSchema>
