/** The listeners of a deployment: a proxy for each, before whichever processes serve it at the moment. */
import { startProxy, type Backend, type ListenerProxy } from '@weaver/proxy'
import type { WeaveletStatus } from '@weaver/sdk/contract'
import { parseAddress } from './listener-address.js'
import { cannotListen } from './port-in-use.js'
import type { ListenerSide } from './listener-side.js'

interface Entry {
  readonly proxy: ListenerProxy
  /** Also when it is closed. */
  readonly address: string
  /** By replica. */
  readonly backends: Map<string, Backend>
}

const ANY_PORT = 'localhost:0'
/** There is one version. */
const TARGET = 'deployment'

export interface ProxiedListenersOptions {
  /** Of weaver.toml, for messages. */
  readonly section: string
  /** By listener; `undefined`: any free port. */
  readonly addresses: Readonly<Record<string, string | undefined>>
  /** Whose an address is that is in use, in words. */
  readonly holderOf: (address: string) => string | undefined
}

export class ProxiedListeners implements ListenerSide {
  readonly #options: ProxiedListenersOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: ProxiedListenersOptions) {
    this.#options = options
  }

  /** @throws WeaverError `WEAVER_CLI_PORT_IN_USE`; nothing is left open then */
  async open(): Promise<void> {
    const { section, addresses, holderOf } = this.#options
    for (const [name, given = ANY_PORT] of Object.entries(addresses))
      try {
        await this.#open(name, given)
      } catch (error) {
        await this.close(0)
        this.#entries.clear()
        throw cannotListen({ listener: name, address: given, section }, error, holderOf(given))
      }
  }

  async #open(name: string, address: string): Promise<void> {
    const proxy = await startProxy(hostAndPort(address))
    this.#entries.set(name, { proxy, address: proxy.address, backends: new Map() })
  }

  addressOf(name: string): string {
    return this.#entries.get(name)?.address ?? ''
  }

  backendsOf(name: string): number {
    return this.#entries.get(name)?.backends.size ?? 0
  }

  add(replica: string, pid: number, { listeners = {} }: WeaveletStatus): void {
    for (const [name, { host, port }] of Object.entries(listeners)) {
      const entry = this.#entries.get(name)
      entry?.backends.set(replica, { id: `${replica}/${pid}`, host, port })
      this.#tell(entry)
    }
  }

  remove(replica: string): void {
    for (const entry of this.#entries.values()) if (entry.backends.delete(replica)) this.#tell(entry)
  }

  async close(graceMs: number): Promise<void> {
    const open = [...this.#entries.values()]
    await Promise.all(open.map(({ proxy }) => proxy.close({ graceMs })))
  }

  #tell(entry: Entry | undefined): void {
    entry?.proxy.setRoutes([{ targets: [{ id: TARGET, weight: 1, backends: [...entry.backends.values()] }] }])
  }
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  return parseAddress(address) ?? { host: 'localhost', port: 0 } // the plan has checked it
}
