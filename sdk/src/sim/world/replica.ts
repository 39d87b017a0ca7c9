/**
 * One replica of a component, which to the application looks like a process of its own: it starts,
 * crashes and restarts.
 */
import type { ComponentBinding } from '../../component/binding.js'
import type { Main } from '../../component/component.js'
import { ComponentHost } from '../../weavelet/hosting/component-host.js'
import type { HostOptions } from '../../weavelet/hosting/host-options.js'
import { actors } from './actor.js'
import { originOf, type Life } from './life.js'
import type { Network } from './network.js'
import type { Callee, Serving } from './sim-call.js'
import { simulatedCalls } from './simulated-calls.js'

export interface ReplicaOptions {
  readonly binding: ComponentBinding
  readonly index: number
  /** Whether it is the only one. */
  readonly isAlone: boolean
  /** Whether it may crash. */
  readonly isMortal: boolean
  readonly network: Network
  /** Options of its hosts, except for what is hosted. */
  readonly host: Omit<HostOptions, 'hosted' | 'replica' | 'invoker'>
  /** Called when `init()` or the construction failed. */
  readonly onStartFailed: (replica: Replica, error: unknown) => void
}

export class Replica implements Callee {
  readonly name: string
  readonly component: string
  readonly binding: ComponentBinding
  readonly index: number
  readonly isMortal: boolean
  readonly serving: Set<Serving> = new Set()
  readonly #options: ReplicaOptions
  #state: 'down' | 'starting' | 'up' = 'down'
  #starts = 0
  #target: object = {}
  life: Life

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.binding = options.binding
    this.component = options.binding.token.name
    this.index = options.index
    this.isMortal = options.isMortal
    this.name = `${this.component}:${options.index}`
    this.life = this.#newLife()
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  get isDown(): boolean {
    return this.#state === 'down'
  }

  /** The object with the methods. */
  get target(): object {
    return this.#target
  }

  /** Constructs the object and runs its `init()`, which may take any number of steps. */
  start(): void {
    const { host, network, onStartFailed } = this.#options
    const { time, random } = network.options
    const life = (this.life = this.#newLife())
    this.#starts += 1
    this.#state = 'starting'
    const origin = originOf(this.#starts === 1 ? this.name : `${this.name}~${this.#starts}`)
    actors.run({ life, origin, time, random }, () => {
      const started = async (): Promise<void> => {
        const components = new ComponentHost({
          ...host,
          replica: this.name,
          hosted: new Set([this.component]),
          invoker: (binding, caller) => simulatedCalls(network, binding, caller),
        })
        await components.start(() => undefined)
        if (life.isOver) return
        this.#target = components.served[0]?.instance ?? {}
        this.#state = 'up'
      }
      started().catch((error: unknown) => {
        if (life.isOver) return
        life.isOver = true
        this.#state = 'down'
        network.forget(life)
        time.forget(life)
        onStartFailed(this, error)
      })
    })
  }

  /** Removes its object at once; its work never continues. */
  crash(): void {
    const { network } = this.#options
    this.life.isOver = true
    this.#state = 'down'
    this.#target = {}
    network.options.time.forget(this.life)
    network.forget(this.life)
    network.peerLost(this)
  }

  #newLife(): Life {
    return { name: this.#options.isAlone ? this.component : `${this.component} ${this.#options.index}`, isOver: false }
  }
}

/** Replaces main: a simulation has operations instead. */
export class NoMain implements Main {
  main(): void {
    // The operations do what main would do.
  }
}
