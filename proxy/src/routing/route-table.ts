import type { Backend, ProxyLog, ProxyStats, Route } from '../proxy.js'
import { BackendState } from './backend.js'
import { checkRoutes, hostPattern } from './check-routes.js'
import { RouteState } from './route-state.js'
import { TargetState } from './target-state.js'
import { VersionChoice } from './version-choice.js'
import { createWeightedChoice } from './weighted-choice.js'

/** The routes in force, and the life of every backend that they name. */
export class RouteTable {
  readonly #log: ProxyLog | undefined
  readonly #backends = new Map<string, BackendState>()
  readonly #retired = new Set<BackendState>()
  readonly #waiting = new Set<() => void>()
  #byHost = new Map<string, RouteState>()
  #wildcards: readonly { readonly suffix: string; readonly route: RouteState }[] = []
  #rest: RouteState | undefined
  #all: readonly RouteState[] = []

  constructor(log: ProxyLog | undefined) {
    this.#log = log
  }

  set(routes: readonly Route[], protocol: 'http' | 'tcp'): void {
    checkRoutes(routes, protocol)
    const before = new Map(this.#all.map((route) => [route.host, route]))
    const named = new Set<BackendState>()
    const backendOf = (wanted: Backend): BackendState => {
      let backend = this.#backends.get(wanted.id)
      if (backend === undefined || backend.host !== wanted.host || backend.port !== wanted.port) {
        if (backend !== undefined) this.#retire(backend)
        backend = this.#newBackend(wanted)
        this.#backends.set(wanted.id, backend)
      }
      named.add(backend)
      return backend
    }
    this.#all = routes.map((route) => {
      const host = route.host === undefined ? undefined : hostPattern(route.host)
      const old = before.get(host)
      const targets = route.targets.map(({ id, weight, backends, version }) => {
        const target = old?.targets.find((candidate) => candidate.id === id) ?? new TargetState(id)
        return { target, weight, version, backends: backends.map(backendOf) }
      })
      const isAsBefore =
        old !== undefined &&
        old.targets.length === targets.length &&
        targets.every(({ target, weight }, i) => old.targets[i] === target && old.choice.weights[i] === weight)
      for (const { target, ...settings } of targets) Object.assign(target, settings)
      const state = old ?? new RouteState(host, createWeightedChoice([]))
      state.targets = targets.map(({ target }) => target)
      const hasVersions = targets.some(({ version }) => version !== undefined)
      state.versions = hasVersions ? new VersionChoice(route.affinity, state.targets, state.versions?.count ?? 0) : undefined
      if (!isAsBefore) state.choice = createWeightedChoice(targets.map(({ weight }) => weight))
      return state
    })
    for (const [id, backend] of this.#backends)
      if (!named.has(backend)) {
        this.#backends.delete(id)
        this.#retire(backend)
      }
    this.#byHost = new Map(
      this.#all.flatMap((route) => (route.host === undefined || route.host.startsWith('*') ? [] : [[route.host, route]])),
    )
    this.#wildcards = this.#all
      .flatMap((route) => (route.host?.startsWith('*') === true ? [{ suffix: route.host.slice(1), route }] : []))
      .sort((a, b) => b.suffix.length - a.suffix.length)
    this.#rest = this.#all.find(({ host }) => host === undefined)
    this.#wake()
  }

  /** @param host as in the request, with or without a port. */
  find(host: string | undefined): RouteState | undefined {
    if (host === undefined || (this.#byHost.size === 0 && this.#wildcards.length === 0)) return this.#rest
    const name = hostName(host)
    return (
      this.#byHost.get(name) ??
      this.#wildcards.find(({ suffix }) => name.endsWith(suffix) && name.length > suffix.length)?.route ??
      this.#rest
    )
  }

  get isEmpty(): boolean {
    return this.#all.length === 0
  }

  backend(id: string): BackendState | undefined {
    return this.#backends.get(id) ?? [...this.#retired].find((backend) => backend.id === id)
  }

  /** Calls once when routes have changed or a backend serves again. Returns what takes it back. */
  onceChanged(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => void this.#waiting.delete(wake)
  }

  stats(): ProxyStats['routes'] {
    return this.#all.map(({ host, targets }) => ({
      ...(host === undefined ? {} : { host }),
      targets: targets.map((target) => target.stats()),
    }))
  }

  /** Closes connections to backends that were idle for too long. */
  sweep(now: number): void {
    for (const { idle } of this.#backends.values()) idle?.sweep(now)
  }

  /** Ends looking at backends, closes idle connections to them and cuts what is in flight. */
  close(): void {
    for (const backend of [...this.#backends.values(), ...this.#retired]) {
      backend.retire()
      backend.cutAll()
    }
  }

  #newBackend(backend: Backend): BackendState {
    return new BackendState(backend, {
      changed: ({ id, address }) => {
        this.#log?.info('a backend serves again', { backend: id, address })
        this.#wake()
      },
      down: ({ id, address }, reason) => this.#log?.warn('a backend is down', { backend: id, address, reason }),
    })
  }

  /** It stays findable for `drain` until nothing of it is in flight. */
  #retire(backend: BackendState): void {
    backend.retire()
    if (backend.inFlight.size === 0) return
    this.#retired.add(backend)
    void backend.drain().then(() => this.#retired.delete(backend))
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}

/** `Shop.Example.com:8000` → `shop.example.com`. */
function hostName(host: string): string {
  const colon = host.lastIndexOf(':')
  const name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  return name.toLowerCase()
}
