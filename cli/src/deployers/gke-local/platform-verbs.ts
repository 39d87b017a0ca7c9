/** What users ask of an application on the platform, as the state that follows. */
import { goBack } from './app-rollout.js'
import type { AppState } from './app-state.js'
import type { PlatformApp } from './platform-app.js'
import type { PlatformReply, PlatformVerb } from './platform-control.js'
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
  const { isGoingBack: _isGoingBack, isPaused: _isPaused, failure: _failure, ...rest } = before
  return { state: { ...rest, desired: deploymentId, versions: [...before.versions, deploymentId] } }
}

/** Carries a verb out. */
export function carryOut(verb: PlatformVerb, app: PlatformApp): PlatformReply {
  const { state } = app
  const { app: name, desired, settled, before, engines } = state
  const isUnderWay = Object.values(engines).some(({ preview }) => preview !== undefined)
  const done = (said: string): PlatformReply => ({ kind: 'done', said })
  const refused = (message: string): PlatformReply => ({ kind: 'refused', message })
  const nothing = refused(`no rollout of "${name}" is under way`)
  switch (verb) {
    case 'pause':
      if (!isUnderWay) return nothing
      app.set({ ...state, isPaused: true })
      return done(`the rollout of ${short(desired)} takes no further step`)
    case 'resume': {
      if (state.isPaused !== true) return refused(`no rollout of "${name}" is paused`)
      const { isPaused: _isPaused, ...rest } = state
      app.set(rest)
      return done(`the rollout of ${short(desired)} goes on`)
    }
    case 'promote':
    case 'promoteFull': {
      if (!isUnderWay) return nothing
      const { isPaused: _isPaused, ...rest } = state
      app.set(rest)
      app.command({ verb })
      const where = 'in the regions that its rollout has reached'
      return done(
        verb === 'promote'
          ? `${short(desired)} goes on to its next step`
          : `${short(desired)} has all traffic as soon as it is ready, ${where}`,
      )
    }
    case 'abort':
      if (!isUnderWay) return nothing
      if (settled === undefined || settled === desired)
        return refused(`"${name}" has no version to go back to; \`weaver gke-local kill ${name}\` ends it`)
      app.command({ verb: 'abort' })
      return done(`${short(desired)} is given up; all traffic goes back to ${short(settled)}`)
    case 'rollback': {
      const to = settled !== undefined && settled !== desired ? settled : before
      if (to === undefined) return refused(`"${name}" has no version to go back to`)
      const { failure: _failure, ...rest } = state
      app.set(goBack(rest, to))
      return done(`back to ${short(to)}, all at once when it is ready`)
    }
    case 'kill':
      app.set({ ...state, isEnding: true })
      return done(`all versions of ${name} end`)
  }
}

function short(deploymentId: string): string {
  return deploymentId.slice(0, 8)
}
