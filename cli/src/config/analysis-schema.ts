import { z } from 'zod'
import { duration } from './toml-values.js'

/** `docs/analysis.md` says what is compared, and how. */
export const analysisSchema = z.strictObject({
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

export type AnalysisSection = z.output<typeof analysisSchema>
