import type { Reason, WeaverAppStatus } from '@weaver/crds'
import type { AppEvent } from './pass-status.js'

const TOLD_BY_THE_ENGINE: ReadonlySet<string> = new Set<Reason>([
  'RolloutFailed',
  'RolloutAborted',
  'PreviewDegraded',
  'VersionBurned',
  'BurnedNotStarted',
])

/** What blocks the app, when it is new; the engine reports a rollout's own failure. */
export function newlyStalled(before: WeaverAppStatus | undefined, after: WeaverAppStatus): AppEvent[] {
  const stalled = (status: WeaverAppStatus | undefined) => status?.conditions?.find((c) => c.type === 'Stalled' && c.status === 'True')
  const [was, is] = [stalled(before), stalled(after)]
  if (is === undefined || TOLD_BY_THE_ENGINE.has(is.reason) || (was?.reason === is.reason && was.message === is.message)) return []
  return [{ type: 'Warning', reason: is.reason, message: is.message }]
}
