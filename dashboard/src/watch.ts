/**
 * Looks at deployments again and again: often at those that a viewer looks at, once a minute at the
 * others, for the counts of the last hour.
 *
 * I1  One look at a time at one deployment, however many viewers it has.
 * I2  A viewer that leaves takes its timer along; nothing runs faster than UNWATCHED_MS then.
 */
import type { DashboardSource, DeploymentDetail, DeploymentSummary, ReplicaDetail } from './source.js'
import { CallHistory } from './stats/call-history.js'
import { layoutTraffic, type TrafficLayout } from './stats/layout.js'
import { methodTable, trafficEdges, type MethodTable, type TrafficEdge } from './stats/tables.js'

const WATCHED_MS = 2_000
const UNWATCHED_MS = 60_000

/** What a page shows of one deployment. */
export interface DeploymentState {
  readonly tool: string
  /** Of the look, epoch milliseconds. */
  readonly at: number
  readonly deployment: DeploymentDetail
  /** Cores that each process uses, by replica; absent: not known yet. */
  readonly cpu: Readonly<Record<string, number>>
  readonly methods: MethodTable
  readonly traffic: readonly TrafficEdge[]
  /** A picture of it. */
  readonly layout: TrafficLayout
}

export interface Watch {
  list(): Promise<readonly DeploymentSummary[]>
  /** Looks now. `undefined`: it does not run. */
  look(key: string): Promise<DeploymentState | undefined>
  /**
   * Calls back with every new state until the returned function is called; with `undefined` when it
   * has ended.
   */
  follow(key: string, onState: (state: DeploymentState | undefined) => void): () => void
  close(): void
}

export interface WatchOptions {
  readonly onProblem: (error: unknown) => void
  readonly watchedMs?: number
  readonly unwatchedMs?: number
}

interface Watched {
  readonly history: CallHistory
  readonly viewers: Set<(state: DeploymentState | undefined) => void>
  /** Processes that ran when the history began. */
  elders: ReadonlySet<string>
  /** Processor time at the last look, by replica. */
  cpu: ReadonlyMap<string, { readonly pid: number; readonly at: number; readonly cpuMs: number }>
  /** Of the last edges, which seldom are others. */
  layout: { readonly edges: string; readonly picture: TrafficLayout } | undefined
  looking: Promise<DeploymentState | undefined> | undefined
  timer: NodeJS.Timeout | undefined
}

export function createWatch(source: DashboardSource, options: WatchOptions): Watch {
  const { onProblem, watchedMs = WATCHED_MS, unwatchedMs = UNWATCHED_MS } = options
  const all = new Map<string, Watched>()
  let isClosed = false

  const watchedOf = (key: string): Watched => {
    let watched = all.get(key)
    if (watched === undefined)
      all.set(
        key,
        (watched = {
          history: new CallHistory(),
          viewers: new Set(),
          elders: new Set(),
          cpu: new Map(),
          layout: undefined,
          looking: undefined,
          timer: undefined,
        }),
      )
    return watched
  }

  const look = (key: string): Promise<DeploymentState | undefined> => {
    const watched = watchedOf(key)
    return (watched.looking ??= lookNow(key, watched).finally(() => (watched.looking = undefined))) // I1
  }

  const lookNow = async (key: string, watched: Watched): Promise<DeploymentState | undefined> => {
    const deployment = await source.deployment(key)
    if (deployment === undefined) {
      if (watched.viewers.size === 0) all.delete(key)
      return undefined
    }
    // A deployment that starts or ends answers no such question.
    const replies = await source.metrics(key).catch(() => [])
    const at = Date.now()
    const processes = processesOf(deployment)
    if (!watched.history.hasBegun) watched.elders = new Set(processes.values())
    watched.history.add(at, replies, (replica) => {
      const process = processes.get(replica)
      return process !== undefined && !watched.elders.has(process)
    })
    const cpu = cpuOf(deployment, watched, at)
    const traffic = trafficEdges(watched.history)
    return {
      tool: source.tool,
      at,
      deployment,
      cpu,
      methods: methodTable(watched.history),
      traffic,
      layout: layoutOf(traffic, watched),
    }
  }

  const schedule = (key: string, watched: Watched): void => {
    clearTimeout(watched.timer)
    if (isClosed || watched.viewers.size === 0) return // I2
    watched.timer = setTimeout(() => {
      void look(key)
        .then(
          (state) => {
            for (const onState of watched.viewers) onState(state)
          },
          (error: unknown) => onProblem(error),
        )
        .then(() => schedule(key, watched))
    }, watchedMs)
  }

  const sweep = setInterval(() => {
    void source
      .deployments()
      .then(async (listed) => {
        const keys = new Set(listed.map(({ key }) => key))
        for (const [key, { viewers }] of all) if (!keys.has(key) && viewers.size === 0) all.delete(key)
        for (const key of keys) if (watchedOf(key).viewers.size === 0) await look(key).catch(onProblem) // the others are looked at
      })
      .catch(onProblem)
  }, unwatchedMs)
  sweep.unref()

  return {
    list: () => source.deployments(),
    look,
    follow(key, onState) {
      const watched = watchedOf(key)
      watched.viewers.add(onState)
      if (watched.viewers.size === 1) schedule(key, watched)
      return () => {
        watched.viewers.delete(onState)
        if (watched.viewers.size === 0) clearTimeout(watched.timer)
      }
    },
    close() {
      isClosed = true
      clearInterval(sweep)
      for (const { timer } of all.values()) clearTimeout(timer)
    },
  }
}

function layoutOf(traffic: readonly TrafficEdge[], watched: Watched): TrafficLayout {
  const edges = JSON.stringify(traffic.map(({ caller, component, isRemote }) => [caller, component, isRemote]))
  if (watched.layout?.edges !== edges) watched.layout = { edges, picture: layoutTraffic(traffic) }
  return watched.layout.picture
}

/** Names of the processes that run, by replica. */
function processesOf({ groups }: DeploymentDetail): ReadonlyMap<string, string> {
  const replicas = groups.flatMap((group) => group.replicas)
  return new Map(replicas.flatMap(({ replica, pid }) => (pid === undefined ? [] : [[replica, `${replica} ${pid}`] as const])))
}

/** Cores by replica since the last look, and remembers this one. */
function cpuOf({ groups }: DeploymentDetail, watched: Watched, at: number): Readonly<Record<string, number>> {
  const replicas = groups.flatMap((group) => group.replicas)
  const cores = (one: ReplicaDetail): readonly (readonly [string, number])[] => {
    const before = watched.cpu.get(one.replica)
    if (before === undefined || before.pid !== one.pid || one.cpuMs === undefined || at <= before.at) return []
    return [[one.replica, Math.max(0, one.cpuMs - before.cpuMs) / (at - before.at)]]
  }
  const cpu = Object.fromEntries(replicas.flatMap(cores))
  watched.cpu = new Map(
    replicas.flatMap(({ replica, pid, cpuMs }) =>
      pid === undefined || cpuMs === undefined ? [] : [[replica, { pid, at, cpuMs }] as const],
    ),
  )
  return cpu
}
