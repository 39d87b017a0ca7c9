/**
 * The routing of one weavelet: as a replica it announces itself, as a caller it finds the owners of
 * keys.
 */
import type { Component } from '../component/component.js'
import type { RoutingStatus } from '../contract/routing.js'
import { shardKey } from '../contract/shard-key.js'
import type { Route } from '../rpc/replicas/route.js'
import { Presence, type PresenceOptions } from './presence.js'
import { RoutingTable, type Routers } from './routing-table.js'

interface RoutedOptions {
  readonly router?: object
}

export type RoutingOptions = Omit<PresenceOptions, 'components'>

export class Routing {
  readonly #options: RoutingOptions
  readonly #table: RoutingTable
  #presence: Presence | undefined

  constructor(options: RoutingOptions) {
    this.#options = options
    this.#table = new RoutingTable({ ...options, ...(options.heartbeatMs === undefined ? {} : { reportMs: options.heartbeatMs }) })
  }

  /** The route to a component; `undefined` if none of its methods is routed. */
  routeTo<T>(token: Component<T>): Route | undefined {
    return isRouted(token) ? this.#table.route(token.name, token.options.router as Routers) : undefined // routers take the arguments of their methods
  }

  /**
   * Called when the components served here have started, and the broker knows their subscriptions.
   */
  join(served: readonly { readonly name: string; readonly options: RoutedOptions }[]): void {
    const components = served.filter(isRouted).map(({ name }) => name)
    this.#presence = new Presence({ ...this.#options, components })
    this.#presence.join()
  }

  /** New calls should go to other replicas. */
  drain(): void {
    this.#presence?.drain()
  }

  leave(): void {
    this.#presence?.leave()
    this.#table.close()
  }

  get status(): RoutingStatus {
    const presence = this.#presence?.current
    return { kind: 'routing', assignments: this.#table.assignments, ...(presence === undefined ? {} : { presence }) }
  }
}

/**
 * The route to a component with a single replica: every key leads to it, and invalid keys are
 * rejected as elsewhere.
 */
export function routeWithin<T>(token: Component<T>): Route | undefined {
  if (!isRouted(token)) return undefined
  const routers = token.options.router as Routers // as above
  return {
    ownerFor(method, args) {
      const router = routers[method]
      if (router !== undefined) shardKey(router(...args))
      return undefined
    },
    onUnreachable: () => undefined,
  }
}

/** Whether any of its methods is routed. */
export function isRouted(token: { readonly options: RoutedOptions }): boolean {
  return Object.keys(token.options.router ?? {}).length > 0
}
