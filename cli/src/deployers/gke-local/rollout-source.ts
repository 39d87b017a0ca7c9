/** Rollouts of `weaver gke-local` as the dashboard sees them. Its verbs are those of the commands, asked for on the same socket. */
import type { RolloutDetail, RolloutSource } from '@weaver/dashboard'
import { isWeaverError } from '@weaver/sdk/contract'
import { keyOf } from '../local/running-deployments.js'
import { askPlatform, platformOfApps, viewPlatform, type PlatformVerb } from './platform-control.js'
import type { AppView } from './platform-view.js'

type Phase = 'underway' | 'paused' | 'settled' | 'failed'

/** In the order in which they are offered. */
const VERBS: readonly { readonly verb: PlatformVerb; readonly title: string; readonly does: string; readonly in: readonly Phase[] }[] = [
  { verb: 'pause', title: 'Pause', does: 'Keeps the weights as they are, until it is resumed or promoted.', in: ['underway'] },
  { verb: 'resume', title: 'Resume', does: 'Ends a pause, and gives a rollout that is halted its deadline once more.', in: ['paused'] },
  { verb: 'promote', title: 'Promote', does: 'Goes on to the next step now.', in: ['underway', 'paused'] },
  {
    verb: 'promoteFull',
    title: 'Promote fully',
    does: 'Gives the new version all traffic as soon as it is ready, without the steps that are left.',
    in: ['underway', 'paused'],
  },
  { verb: 'abort', title: 'Abort', does: 'Gives the new version up: all traffic goes back.', in: ['underway', 'paused'] },
  {
    verb: 'rollback',
    title: 'Roll back',
    does: 'Goes back to the version before, in all regions and all at once.',
    in: ['underway', 'paused', 'settled'],
  },
  { verb: 'retry', title: 'Retry', does: 'Starts the rollout of the version again that failed or was aborted.', in: ['failed'] },
]

export function createRolloutSource(env: Readonly<Record<string, string | undefined>>, onStart: (text: string) => void): RolloutSource {
  return {
    async rollouts() {
      const platform = await platformOfApps(env, onStart)
      return platform === undefined ? [] : (await viewPlatform(platform)).apps.map(rolloutOf)
    },
    async act(app, { verb, note }) {
      const platform = await platformOfApps(env, onStart)
      const known = VERBS.find((one) => one.verb === verb)
      if (platform === undefined || known === undefined) return { refused: `no application runs by \`weaver gke-local\`` }
      try {
        const request = { kind: 'verb', app, verb: known.verb, ...(note === undefined ? {} : { note }) } as const
        return { said: (await askPlatform(platform, request, { expect: 'done' })).said }
      } catch (error) {
        if (isWeaverError(error, 'WEAVER_CLI_REFUSED')) return { refused: error.message }
        throw error
      }
    },
  }
}

function rolloutOf({ app, versions, traffic, rollout }: AppView): RolloutDetail {
  const { desired, isPaused, regions, projected, failure, history } = rollout
  const isUnderWay = Object.values(regions).some(({ preview }) => preview !== undefined)
  const isHalted = Object.values(regions).some((region) => region.isHalted === true)
  const phases: readonly Phase[] = [
    ...(isUnderWay ? [isPaused || isHalted ? ('paused' as const) : ('underway' as const)] : ['settled' as const]),
    ...(failure === undefined || failure.version === desired ? [] : ['failed' as const]),
  ]
  return {
    app,
    target: desired,
    versions: versions.map(({ deploymentId, submittedAt, status, blame, copies }) => ({
      id: deploymentId,
      status,
      submittedAt,
      ...(blame === undefined ? {} : { blame }),
      copies: Object.fromEntries(Object.keys(copies).map((location) => [location, keyOf({ deploymentId, location })])),
    })),
    isUnderWay,
    isPaused,
    regions: Object.entries(regions).map(([name, region]) => ({ name, ...region, observed: observedIn(name, traffic) })),
    projected,
    ...(failure === undefined ? {} : { failure }),
    history,
    verbs: VERBS.map(({ verb, title, does, in: apt }) => ({ verb, title, does, isApt: apt.some((one) => phases.includes(one)) })),
  }
}

/** Shares of a region's traffic, as the load balancer has them. */
function observedIn(region: string, traffic: AppView['traffic']): Readonly<Record<string, number>> {
  const [host] = traffic.map((row) => row.host)
  const rows = traffic.filter((row) => row.location === region && row.host === host)
  const sum = rows.reduce((total, { fraction }) => total + fraction, 0)
  const shares: Record<string, number> = {}
  if (sum > 0) for (const { deploymentId, fraction } of rows) shares[deploymentId] = (shares[deploymentId] ?? 0) + fraction / sum
  return Object.fromEntries(Object.entries(shares).map(([id, share]) => [id, Math.round(share * 10_000) / 10_000]))
}
