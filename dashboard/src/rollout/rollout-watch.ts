/**
 * Looks at the rollouts of a source: often while a viewer follows one, once a minute else, so that
 * a page that is opened later has a past to show.
 */
import { RolloutHistory, type RolloutTrack } from './rollout-history.js'
import type { RolloutDetail, RolloutSource } from './rollout-source.js'

const WATCHED_MS = 1_000
const UNWATCHED_MS = 60_000
const KEPT_ACTIONS = 10

/** What a page shows of one application. */
export interface RolloutState {
  readonly tool: string
  /** Of the look, epoch milliseconds. */
  readonly at: number
  readonly rollout: RolloutDetail
  readonly track: RolloutTrack
  /** What was asked for from this dashboard; the newest first. */
  readonly actions: readonly RolloutAction[]
}

export interface RolloutAction {
  /** ISO 8601. */
  readonly at: string
  readonly verb: string
  readonly note?: string
  /** What the deployer answered. */
  readonly answer: string
  readonly isRefused: boolean
}

export interface RolloutWatch {
  look(): Promise<readonly RolloutState[]>
  /** Calls back after each look until the returned function is called; with `undefined` while the application does not run. */
  follow(app: string, onState: (state: RolloutState | undefined) => void): () => void
  act(app: string, verb: string, note: string): Promise<RolloutAction>
  close(): void
}

export interface RolloutWatchOptions {
  readonly tool: string
  readonly onProblem: (error: unknown) => void
  readonly watchedMs?: number
  readonly unwatchedMs?: number
}

export function createRolloutWatch(source: RolloutSource, options: RolloutWatchOptions): RolloutWatch {
  const { tool, onProblem, watchedMs = WATCHED_MS, unwatchedMs = UNWATCHED_MS } = options
  const histories = new Map<string, RolloutHistory>()
  const actions = new Map<string, readonly RolloutAction[]>()
  const viewers = new Set<{ readonly app: string; readonly onState: (state: RolloutState | undefined) => void }>()
  let looking: Promise<readonly RolloutState[]> | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const lookNow = async (): Promise<readonly RolloutState[]> => {
    const rollouts = await source.rollouts()
    const at = Date.now()
    for (const app of histories.keys()) if (!rollouts.some((one) => one.app === app)) histories.delete(app)
    return rollouts.map((rollout) => {
      const history = histories.get(rollout.app) ?? new RolloutHistory()
      histories.set(rollout.app, history)
      return { tool, at, rollout, track: history.add(at, rollout), actions: actions.get(rollout.app) ?? [] }
    })
  }
  const look = (): Promise<readonly RolloutState[]> => (looking ??= lookNow().finally(() => (looking = undefined)))
  const lookForViewers = async (): Promise<void> => {
    try {
      const states = await look()
      for (const { app, onState } of viewers) onState(states.find(({ rollout }) => rollout.app === app))
    } catch (error) {
      onProblem(error)
    }
  }
  const schedule = (): void => {
    clearTimeout(timer)
    if (isClosed || viewers.size === 0) return
    timer = setTimeout(() => void lookForViewers().then(schedule), watchedMs)
  }
  const sweep = setInterval(() => {
    if (viewers.size === 0) void look().catch(onProblem)
  }, unwatchedMs).unref()

  return {
    look,
    follow(app, onState) {
      const viewer = { app, onState }
      viewers.add(viewer)
      if (viewers.size === 1) schedule()
      return () => {
        viewers.delete(viewer)
        if (viewers.size === 0) clearTimeout(timer)
      }
    },
    async act(app, verb, note) {
      const result = await source.act(app, { verb, ...(note === '' ? {} : { note }) })
      const action: RolloutAction = {
        at: new Date().toISOString(),
        verb,
        ...(note === '' ? {} : { note }),
        answer: 'said' in result ? result.said : result.refused,
        isRefused: 'refused' in result,
      }
      actions.set(app, [action, ...(actions.get(app) ?? [])].slice(0, KEPT_ACTIONS))
      await lookForViewers()
      return action
    },
    close() {
      isClosed = true
      clearInterval(sweep)
      clearTimeout(timer)
    },
  }
}
