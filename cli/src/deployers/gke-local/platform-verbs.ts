/** What users ask of an application on the platform, as the state that follows. */
import { BURN_REFUSALS, commandNote, versionsToBurn, type RolloutCommand, type Verb } from '@weaver/rollout'
import { goBack } from './app-rollout.js'
import { isLastWay, isPausedByUser, onlyBurns, wayBack, type AppState } from './app-state.js'
import { forgetArrived, isHaltedAnywhere } from './arrived-regions.js'
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
  const { isGoingBack: _isGoingBack, failure: _failure, ...rest } = onlyBurns(forgetArrived(before))
  return { state: { ...rest, desired: deploymentId, versions: [...before.versions, deploymentId] } }
}

type Carried = { readonly state: AppState; readonly said: string } | { readonly refused: string }

/** The state in which a verb is carried out. `refused`: why it cannot be. Pure. */
export function carryOut(verb: PlatformVerb, state: AppState, given: Pick<RolloutCommand, 'note' | 'version'> = {}): Carried {
  const { version } = given
  const note = given.note === undefined ? undefined : commandNote(given.note)
  const { app, desired, settled, before, failure, engines, commands = [] } = state
  const isUnderWay = Object.values(engines).some(({ preview }) => preview !== undefined)
  const asked = (to: Verb): AppState => ({
    ...state,
    commands: [...commands, { verb: to, ...(note === undefined ? {} : { note }) }],
  })
  if (!isUnderWay && ['pause', 'promote', 'promoteFull', 'abort'].includes(verb)) return { refused: `no rollout of "${app}" is under way` }
  switch (verb) {
    case 'pause':
      return { state: asked(verb), said: `the rollout of ${short(desired)} takes no further step` }
    case 'resume':
      if (!isPausedByUser(state) && !isHaltedAnywhere(state)) return { refused: `no rollout of "${app}" is paused or halted` }
      return { state: asked(verb), said: `the rollout of ${short(desired)} goes on` }
    case 'promote':
      return { state: asked(verb), said: `${short(desired)} goes on to its next step` }
    case 'promoteFull':
      return {
        state: asked(verb),
        said: `${short(desired)} has all traffic as soon as it is ready, in the regions that its rollout has reached`,
      }
    case 'abort': {
      // Who gives up the way back wants another version, and not the one that was left.
      const to = isLastWay(state) ? undefined : wayBack(state)
      if (to === undefined) return { refused: `"${app}" has no version to go back to; \`weaver gke-local kill ${app}\` ends it` }
      return { state: asked(verb), said: `${short(desired)} is given up; all traffic goes back to ${short(to)}` }
    }
    case 'retry': {
      const id = failure?.version
      if (id !== undefined && state.burned?.includes(id) === true) return { refused: `${short(id)} is burned, and does not start again` }
      if (id === undefined || id === desired || !state.versions.includes(id))
        return { refused: `no version of "${app}" has failed or was aborted` }
      return { state: tryAgain(asked(verb), id), said: `${short(id)} is tried again` }
    }
    case 'rollback': {
      const to = settled === desired ? before : wayBack(state)
      if (to === undefined) return { refused: `"${app}" has no version to go back to` }
      const { failure: _failure, ...rest } = state
      return { state: goBack(rest, to), said: `back to ${short(to)}, all at once when it is ready` }
    }
    case 'burn':
      return burn(state, { version, note })
    case 'kill':
      return { state: { ...state, isEnding: true }, said: `all versions of ${app} end` }
  }
}

/** No way leads back to a burned version, also before the regions have let it go. */
function burn(
  state: AppState,
  { version: text, note }: { readonly version: string | undefined; readonly note: string | undefined },
): Carried {
  const { app, desired, versions: known, engines, regions, commands = [] } = state
  const matching = text === undefined ? [] : known.filter((id) => id.startsWith(text))
  const [named] = matching
  if (matching.length > 1) return { refused: `several versions of "${app}" begin with "${text}"` }
  const found = versionsToBurn({ desired, known, state: engines[regions[0] ?? ''] }, named ?? text)
  if (typeof found === 'string') return { refused: `nothing is burned: ${BURN_REFUSALS[found](short(named ?? text ?? desired))}` }
  const version = found.at(-1)
  const isBurned = (id: string | undefined): boolean => id !== undefined && found.includes(id)
  const { settled, before, ...rest } = state
  const left = known.filter((id) => !found.includes(id) && (id === desired || Object.values(engines).some(({ active }) => active === id)))
  const stays =
    left.length === 0
      ? 'no version is left, and nothing answers'
      : `${left.map(short).join(' and ')} ${left.length === 1 ? 'is' : 'are'} left`
  return {
    state: {
      ...rest,
      ...(settled === undefined || isBurned(settled) ? {} : { settled }),
      ...(before === undefined || isBurned(before) ? {} : { before }),
      burned: [...new Set([...(state.burned ?? []), ...found])],
      // The same ones in every region: their active versions may differ.
      commands: [
        ...commands,
        { verb: 'burn', versions: found, ...(version === undefined ? {} : { version }), ...(note === undefined ? {} : { note }) },
      ],
    },
    said: `${found.map(short).join(', ')} ${found.length === 1 ? 'is' : 'are'} burned, and unreachable for good; ${stays}`,
  }
}

/** Asks for a version that was given up; in every region the engine's `retry` takes it from there. */
function tryAgain(state: AppState, id: string): AppState {
  const { isGoingBack: _isGoingBack, failure: _failure, ...rest } = forgetArrived(state)
  const engines = Object.entries(state.engines).map(([region, engine]) => [region, { ...engine, failed: [id] }])
  return { ...rest, desired: id, engines: Object.fromEntries(engines) }
}

function short(deploymentId: string): string {
  return deploymentId.slice(0, 8)
}
