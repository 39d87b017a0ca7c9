/** `affinity` of `[kube.traffic]` and `[gke]`; `docs/traffic.md` says what it does. */
import { z } from 'zod'
import { duration, text } from './toml-values.js'

export const affinitySchema = z
  .strictObject({
    mode: z.enum(['monotone', 'newSessionsOnly']).optional().meta({
      description:
        '`monotone`: a user changes version at most once in a rollout. `newSessionsOnly`: a user stays with the version of the first answer for as long as it lives.',
      byDefault: '`"monotone"`',
    }),
    key: z
      .strictObject({
        header: text.optional().meta({ description: 'Name of a header that identifies the user.' }),
        cookie: text.optional().meta({ description: 'Name of a cookie that identifies the user.' }),
      })
      .optional()
      .meta({ description: 'What identifies a user: a header or a cookie.', byDefault: 'a cookie that the proxy sets' }),
    carriers: z
      .array(z.enum(['header', 'query', 'cookie']))
      .optional()
      .meta({ description: 'By what a request may ask for one version.', byDefault: 'all three' }),
    max_age: duration.optional().meta({ description: 'How long the cookies hold that the proxy sets.', byDefault: '`"24h"`' }),
  })
  .meta({ description: 'Which version a user reaches while several have weight.', byDefault: 'each request by itself' })

export type AffinitySection = z.output<typeof affinitySchema>
