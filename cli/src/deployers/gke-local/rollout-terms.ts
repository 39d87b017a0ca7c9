import type { RolloutTerms } from '@weaver/rollout'

/** What `weaver gke-local` calls the things of a rollout. */
export const TERMS: RolloutTerms = {
  progressDeadline: 'gke.progress_deadline',
  drainTimeout: 'gke.drain_timeout',
  asker: 'the application',
  unpaused: 'the regions before it',
  howToPromote: '`weaver gke-local promote`',
  parts: 'processes',
}

/** Versions in sentences, as tables have them. */
export function shortIds(text: string): string {
  return text.replaceAll(/\b([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '$1')
}
