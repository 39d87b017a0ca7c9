/** What users ask of an application on the platform, as the state that follows. */
import { goBack, isLastWay, wayBack } from './app-rollout.js'
import type { AppState } from './app-state.js'
import type { PlatformVerb } from './platform-control.js'
import type { VersionSpec } from './version-spec.js'

export interface KnownApp {
  readonly state: AppState
  readonly specs: ReadonlyMap<string, VersionSpec>
}

/** The state in which a new version is asked for. `refused`: why it cannot be. Pure. */
export function newApp(spec: VersionSpec, all: readonly KnownApp[]): { readonly state: AppState } | { readonly refused: string } {
  const { app, deploymentId, regions } = spec
  for (const { state, specs } of all) {
    if (state.app === app) continue
    const taken = [...specs.values()].flatMap(({ listeners }) => listeners.map(({ host }) => host))
    const host = spec.listeners.find((one) => taken.includes(one.host))?.host
    if (host !== undefined) return { refused: `host "${host}" is that of "${state.app}", which runs; give another one, or end that one (\`weaver gke-local kill ${state.app}\`)` } // prettier-ignore
  }
  const before = all.find(({ state }) => state.app === app)?.state
  if (before === undefined)
    return { state: { format: 1, app, regions, versions: [deploymentId], desired: deploymentId, engines: {}, history: [] } }
  if (before.isEnding === true) return { refused: `"${app}" is being ended; deploy it again when it has` }
  if (before.regions.join() !== regions.join())
    return { refused: `"${app}" runs in ${before.regions.join(', ')}, and regions do not change by a rollout; give the same, or end it first (\`weaver gke-local kill ${app}\`)` } // prettier-ignore
  const { isGoingBack: _isGoingBack, isPaused: _isPaused, commands: _commands, failure: _failure, ...rest } = before
  return { state: { ...rest, desired: deploymentId, versions: [...before.versions, deploymentId] } }
}

/** The state in which a verb is carried out. `refused`: why it cannot be. Pure. */
export function carryOut(
  verb: PlatformVerb,
  state: AppState,
): { readonly state: AppState; readonly said: string } | { readonly refused: string } {
  const { isPaused, ...going } = state
  const { app, desired, settled, before, engines, commands = [] } = state
  const isUnderWay = Object.values(engines).some(({ preview }) => preview !== undefined)
  if (!isUnderWay && ['pause', 'promote', 'promoteFull', 'abort'].includes(verb)) return { refused: `no rollout of "${app}" is under way` }
  switch (verb) {
    case 'pause':
      return { state: { ...state, isPaused: true }, said: `the rollout of ${short(desired)} takes no further step` }
    case 'resume':
      if (isPaused !== true) return { refused: `no rollout of "${app}" is paused` }
      return { state: going, said: `the rollout of ${short(desired)} goes on` }
    case 'promote':
      return { state: { ...going, commands: [...commands, { verb }] }, said: `${short(desired)} goes on to its next step` }
    case 'promoteFull':
      return {
        state: { ...going, commands: [...commands, { verb }] },
        said: `${short(desired)} has all traffic as soon as it is ready, in the regions that its rollout has reached`,
      }
    case 'abort': {
      // Who gives up the way back wants another version, and not the one that was left.
      const to = isLastWay(state) ? undefined : wayBack(state)
      if (to === undefined) return { refused: `"${app}" has no version to go back to; \`weaver gke-local kill ${app}\` ends it` }
      return {
        state: { ...state, commands: [...commands, { verb }] },
        said: `${short(desired)} is given up; all traffic goes back to ${short(to)}`,
      }
    }
    case 'rollback': {
      const to = settled === desired ? before : wayBack(state)
      if (to === undefined) return { refused: `"${app}" has no version to go back to` }
      const { failure: _failure, ...rest } = state
      return { state: goBack(rest, to), said: `back to ${short(to)}, all at once when it is ready` }
    }
    case 'kill':
      return { state: { ...state, isEnding: true }, said: `all versions of ${app} end` }
  }
}

function short(deploymentId: string): string {
  return deploymentId.slice(0, 8)
}
