/** What a deployer that runs on this machine shows of one deployment, as plain data: the port of `status`, of `--json`, and of whatever else shows deployments. */
export interface DeploymentView {
  readonly app: string
  readonly deploymentId: string
  /** Where several copies of one deployment run: which one this is. */
  readonly location?: string
  /** ISO 8601. */
  readonly startedAt: string
  /** Path of its weaver.toml. */
  readonly config: string
  /** Of the deployer. */
  readonly pid: number
  readonly state: 'starting' | 'ready' | 'stopping'
  /** URL, without who connects. */
  readonly broker: string
  /** Where it runs; absent: on this machine. */
  readonly machines?: readonly MachineView[]
  readonly groups: readonly GroupView[]
  readonly listeners: readonly ListenerView[]
}

export interface MachineView {
  /** As weaver.toml names it. */
  readonly name: string
  /** Where the others reach it, once that is known. */
  readonly address?: string
  /** `lost`: nothing of the deployment runs there. `unreachable`: it does not answer at the moment, and its processes may run. */
  readonly state: 'connecting' | 'connected' | 'unreachable' | 'lost'
  /** Why, unless it is connected. */
  readonly reason?: string
}

export interface GroupView {
  readonly name: string
  readonly components: readonly string[]
  readonly replicas: readonly ReplicaView[]
}

export interface ReplicaView {
  readonly replica: string
  /** Where it runs, by the name in weaver.toml; absent: on this machine, or nowhere at the moment. */
  readonly machine?: string
  /** Absent: no process of it runs at the moment. */
  readonly pid?: number
  /** `waiting`: for its restart. */
  readonly state: 'starting' | 'ready' | 'waiting' | 'stopping' | 'ended'
  readonly restarts: number
  readonly lastDeath?: { readonly at: string; readonly cause: string; readonly lines: readonly string[] }
}

export interface ListenerView {
  readonly name: string
  readonly group: string
  /** Where users reach it: `127.0.0.1:8080`. */
  readonly address: string
  /** Processes behind it. */
  readonly backends: number
}
