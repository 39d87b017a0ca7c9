import { ANNOTATIONS } from './labels.js'

/** What a WeaverApp calls the things of a rollout, for the sentences about one. */
export const ROLLOUT_TERMS = {
  progressDeadline: 'spec.rollout.progressDeadline',
  drainTimeout: 'spec.rollout.drainTimeout',
  asker: 'the spec',
  unpaused: 'spec.rollout.paused to be set to false',
  howToPromote: `set the annotation ${ANNOTATIONS.promote}`,
  parts: 'objects',
} as const
