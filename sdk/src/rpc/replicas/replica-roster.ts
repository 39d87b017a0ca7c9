/**
 * The replicas of the components that this one serves, remembered for later callers: a replica that
 * is too busy to introduce itself to a new caller is known to the others (callee-watch.ts).
 *
 * I1  Each replica announces itself before it subscribes to calls, and the present ones reply with
 *     an announcement of their own.
 */
import type { Writer } from '../../codec/writer.js'
import { arrivalSubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import { KIND, readKind, writeCalls } from '../wire/frame.js'
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.js'

/** Maximum number of names; those of killed replicas are among them. */
const MOST = 256

export interface ReplicaRosterOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
}

export class ReplicaRoster {
  readonly #options: ReplicaRosterOptions
  readonly #writer: Writer
  readonly #byComponent = new Map<string, Set<string>>()
  readonly #subscriptions: Subscription[] = []

  /** @param writer shared: not used by others between two of its frames */
  constructor(options: ReplicaRosterOptions, writer: Writer) {
    this.#options = options
    this.#writer = writer
    options.transport.onConnection((isConnected) => {
      // Those that came meanwhile were missed, and have missed this one.
      if (isConnected) for (const component of this.#byComponent.keys()) this.#announce(component)
    })
  }

  /** I1. Call it once for each component. */
  join(component: string): void {
    const { transport, deploymentId, replica } = this.#options
    const known = new Set<string>()
    this.#byComponent.set(component, known)
    const onHere = ({ data, reply }: IncomingMessage): void => {
      const { kind, reader } = readKind(data)
      if (kind !== KIND.here && kind !== KIND.left) return
      const name = reader.string()
      if (name === replica) return
      known.delete(name)
      if (kind === KIND.left) return
      known.add(name)
      const [oldest] = known
      if (known.size > MOST && oldest !== undefined) known.delete(oldest)
      if (reply !== undefined) this.#say(KIND.here, reply)
    }
    this.#subscriptions.push(
      transport.subscribe(arrivalSubject(deploymentId, component), onHere),
      transport.subscribe(this.#inbox(component), onHere),
    )
    this.#announce(component)
  }

  /** Known replicas of a component, including those killed since. */
  others(component: string): readonly string[] {
    return [...(this.#byComponent.get(component) ?? [])]
  }

  /** Notifies callers and other replicas that this one no longer answers. */
  close(): void {
    const { deploymentId, transport } = this.#options
    if (transport.isConnected)
      for (const component of this.#byComponent.keys()) this.#say(KIND.left, arrivalSubject(deploymentId, component))
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#byComponent.clear()
  }

  #announce(component: string): void {
    this.#say(KIND.here, arrivalSubject(this.#options.deploymentId, component), this.#inbox(component))
  }

  #say(kind: number, subject: string, reply?: string): void {
    const { transport, replica, log } = this.#options
    try {
      transport.publish(subject, writeCalls(this.#writer, kind, { replica, calls: [] }), reply)
    } catch (error) {
      log.debug('this replica could not say that it is here', { subject, err: error })
    }
  }

  #inbox(component: string): string {
    return `${this.#options.transport.inbox}.h.${[...this.#byComponent.keys()].indexOf(component)}`
  }
}
