/** One application as `status` shows it. Pure. */
import { wordAwaited, wordBlame, type Awaited, type ObservedAnalysis, type RolloutDecision, type RolloutState } from '@weaver/rollout'
import { policyOf, wavesOf } from './app-rollout.js'
import { hasArrived, isPausedByUser } from './app-state.js'
import { blameOf, observeCopy, type Copy } from './observe.js'
import type { BalancerState } from './load-balancer.js'
import type { PlatformApp } from './platform-app.js'
import type { AppView, RegionRollout, TrafficRow, VersionStatus, VersionView } from './platform-view.js'
import { projectRollout } from './projection.js'
import { shortIds, TERMS } from './rollout-terms.js'
import { targetOf } from './traffic-plan.js'
import type { VersionSpec } from './version-spec.js'

type Shown = Pick<PlatformApp, 'state' | 'specs' | 'copies' | 'decisions' | 'analyses'>

export function showApp(
  { state, specs, copies, decisions, analyses }: Shown,
  balancer: BalancerState | undefined,
  times: { readonly now: number; readonly watchingSince: number },
): AppView {
  const spec = specs.get(state.desired)
  const isKnown = ({ deploymentId: id }: VersionSpec): boolean => id === state.desired || id === state.failure?.version || copies.some((copy) => copy.spec.deploymentId === id) // prettier-ignore
  return {
    app: state.app,
    versions: [...specs.values()]
      .filter(isKnown)
      .sort((a, b) => a.submittedAt - b.submittedAt)
      .map((version) => showVersion(version, { state, copies }, balancer)),
    traffic: trafficOf([...specs.values()], inOrder(copies, state), balancer),
    rollout: {
      isPaused: isPausedByUser(state),
      desired: state.desired,
      regions: Object.fromEntries(
        Object.entries(decisions).map(([region, decision]) => [
          region,
          showRegion(region, decision, { state, specs, copies, observed: analyses[region] }),
        ]),
      ),
      projected: spec === undefined ? [] : projectRollout(state, spec, times),
      ...(state.failure === undefined ? {} : { failure: state.failure }),
      history: state.history,
    },
  }
}

function showRegion(
  region: string,
  { phase, awaited }: RolloutDecision,
  { state, specs, copies, observed }: Pick<Shown, 'state' | 'specs' | 'copies'> & { readonly observed: ObservedAnalysis | undefined },
): RegionRollout {
  const spec = specs.get(state.desired)
  const engine = state.engines[region]
  const verdict = verdictOf(engine, observed)
  return {
    phase,
    ...(engine?.active === undefined ? {} : { active: engine.active }),
    ...(engine?.preview === undefined ? {} : { preview: engine.preview }),
    steps: spec === undefined ? [] : policyOf(spec, { isGoingBack: state.isGoingBack === true, paused: false }).steps,
    step: engine?.step ?? -1,
    ...(engine?.halted === true ? { isHalted: true as const } : {}),
    ...(awaited === undefined ? {} : { waitingFor: waitingFor(awaited, region, { state, copies }) }),
    ...(verdict === undefined ? {} : { verdict }),
  }
}

/** What was found against a preview stays; else what was found last. */
function verdictOf(engine: RolloutState | undefined, observed: ObservedAnalysis | undefined): RegionRollout['verdict'] {
  if (engine?.preview === undefined) return undefined
  if (engine.condemned !== undefined) return { kind: 'fail', text: wordBlame(engine.condemned) }
  const verdict = observed?.verdict
  switch (verdict?.kind) {
    case undefined:
      return undefined
    case 'pass':
      return { kind: 'pass', text: `no method is worse; ${verdict.methods} compared` }
    case 'fail':
      return { kind: 'fail', text: wordBlame(verdict.blame) }
    case 'inconclusive':
      return {
        kind: 'inconclusive',
        text:
          verdict.why === 'unreadable'
            ? `the counts cannot be read: ${verdict.reason}`
            : `too few calls: ${verdict.samples.active} in the active version and ${verdict.samples.preview} in the new one of ${verdict.needed} each`,
      }
  }
}

/** A region that is held back is paused as far as the engine knows. */
function waitingFor(awaited: Awaited, region: string, { state, copies }: Pick<Shown, 'state' | 'copies'>): string {
  if (awaited.kind !== 'unpaused') return shortIds(wordAwaited(awaited, TERMS))
  const waves = wavesOf(state.regions)
  const before = waves.slice(0, waves.findIndex((wave) => wave.includes(region))).flat() // prettier-ignore
  const without = before.filter((one) => !hasArrived(state, one))
  if (without.length > 0) return `${without.join(', ')} to have the new version`
  const blames = before.flatMap((one) => {
    const copy = copies.find(({ spec, region: at }) => spec.deploymentId === state.desired && at === one)
    return copy === undefined ? [] : (blameOf(copy) ?? [])
  })
  return `the new version to be ready again: ${blames[0] ?? `it is not, in ${before.join(', ')}`}`
}

function showVersion(
  spec: VersionSpec,
  { state, copies }: Pick<Shown, 'state' | 'copies'>,
  balancer: BalancerState | undefined,
): VersionView {
  const { deploymentId, submittedAt, configPath } = spec
  const own = inOrder(copies, state).filter((copy) => copy.spec.deploymentId === deploymentId)
  const isReady = state.regions.every((region) => own.some((copy) => copy.region === region && observeCopy(copy, balancer).ready))
  const blame = own.flatMap((copy) => (observeCopy(copy, balancer).ready ? [] : (blameOf(copy) ?? [])))[0]
  return {
    deploymentId,
    submittedAt: new Date(submittedAt).toISOString(),
    config: configPath,
    status: statusOf(deploymentId, isReady, state),
    ...(blame === undefined ? {} : { blame }),
    copies: Object.fromEntries(own.flatMap(({ region, host }) => (host === undefined ? [] : [[region, host.view]]))),
    isReady,
  }
}

function statusOf(id: string, isReady: boolean, { desired, settled, failure, isEnding, engines }: Shown['state']): VersionStatus {
  const all = Object.values(engines)
  const isActive = all.some(({ active }) => active === id)
  if (isEnding === true) return 'DELETING'
  if (failure?.version === id && !isActive) return 'FAILED'
  if (id === desired && all.length > 0 && all.every(({ active, preview }) => active === id && preview === undefined)) return 'ACTIVE'
  if (id === desired) return !isReady && !isActive ? 'STARTING' : 'ROLLING_OUT'
  return isActive || (id === settled && all.some(({ weights }) => (weights?.[id] ?? 0) > 0)) ? 'ACTIVE' : 'DELETING'
}

/** By version and region. */
function inOrder(copies: readonly Copy[], { regions }: Shown['state']): readonly Copy[] {
  return [...copies].sort((a, b) => a.spec.submittedAt - b.spec.submittedAt || regions.indexOf(a.region) - regions.indexOf(b.region))
}

/** A share is divided among the processes that have it. */
function trafficOf(specs: readonly VersionSpec[], copies: readonly Copy[], balancer: BalancerState | undefined): readonly TrafficRow[] {
  return (balancer?.stats.routes ?? []).flatMap(({ host = '', targets }) => {
    const sum = targets.reduce((total, { weight }) => total + weight, 0)
    return copies.flatMap(({ spec, region }) => {
      const target = targets.find(({ id }) => id === targetOf(region, spec.deploymentId))
      const listener = specs.find(({ deploymentId }) => deploymentId === spec.deploymentId)?.listeners.find((one) => one.host === host)
      if (target === undefined || listener === undefined || sum === 0) return []
      return target.backends.map(({ address }) => ({
        host,
        isPublic: listener.isPublic,
        deploymentId: spec.deploymentId,
        location: region,
        address,
        fraction: target.weight / sum / target.backends.length,
      }))
    })
  })
}
