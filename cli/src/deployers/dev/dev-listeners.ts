/**
 * The listeners of `weaver dev`: they outlive the deployments behind them, of which one at a time
 * serves.
 */
import type { WeaveletStatus } from '@weaver/sdk/contract'
import type { ListenerSide } from '../local/listener-side.js'
import { ProxiedListeners, type ProxiedListenersOptions } from '../local/proxied-listeners.js'

export class DevListeners {
  readonly #holderOf: ProxiedListenersOptions['holderOf']
  readonly #open = new Map<string, { readonly wanted: string | undefined; readonly side: ProxiedListeners }>()

  constructor(holderOf: ProxiedListenersOptions['holderOf']) {
    this.#holderOf = holderOf
  }

  /**
   * Those with the same address stay open, and what they serve goes on.
   * @throws WeaverError `WEAVER_CLI_PORT_IN_USE`
   */
  async update(addresses: ProxiedListenersOptions['addresses']): Promise<void> {
    for (const [name, { wanted, side }] of this.#open) {
      if (Object.hasOwn(addresses, name) && addresses[name] === wanted) continue
      this.#open.delete(name)
      await side.close(0) // its address may be wanted by another one
    }
    for (const [name, wanted] of Object.entries(addresses)) {
      if (this.#open.has(name)) continue
      const side = new ProxiedListeners({ section: 'multi', addresses: { [name]: wanted }, holderOf: this.#holderOf })
      await side.open()
      this.#open.set(name, { wanted, side })
    }
  }

  get addresses(): readonly { readonly name: string; readonly address: string }[] {
    return [...this.#open].map(([name, { side }]) => ({ name, address: side.addressOf(name) }))
  }

  /** For one deployment. What it adds serves from {@link StagedListeners.activate} on. */
  stage(): StagedListeners {
    return new StagedListeners((name) => this.#open.get(name)?.side, () => [...this.#open.values()].map(({ side }) => side)) // prettier-ignore
  }

  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ side }) => side.close(graceMs)))
    this.#open.clear()
  }
}

class StagedListeners implements ListenerSide {
  readonly #sideOf: (name: string) => ProxiedListeners | undefined
  readonly #sides: () => readonly ProxiedListeners[]
  /** By replica. */
  readonly #serving = new Map<string, { readonly pid: number; readonly status: WeaveletStatus }>()
  #isActive = false

  constructor(sideOf: (name: string) => ProxiedListeners | undefined, sides: () => readonly ProxiedListeners[]) {
    this.#sideOf = sideOf
    this.#sides = sides
  }

  /** All that is ready serves now, and nothing of the deployment before it. */
  activate(before: StagedListeners | undefined): void {
    this.#isActive = true
    for (const [replica, { pid, status }] of this.#serving) for (const side of this.#sides()) side.add(replica, pid, status)
    if (before !== undefined) before.#deactivate()
  }

  #deactivate(): void {
    for (const replica of this.#serving.keys()) for (const side of this.#sides()) side.remove(replica)
    this.#serving.clear()
    this.#isActive = false
  }

  async open(): Promise<void> {
    // they are open
  }

  addressOf(name: string): string {
    return this.#sideOf(name)?.addressOf(name) ?? ''
  }

  backendsOf(name: string): number {
    return this.#isActive ? (this.#sideOf(name)?.backendsOf(name) ?? 0) : 0
  }

  add(replica: string, pid: number, status: WeaveletStatus): void {
    this.#serving.set(replica, { pid, status })
    if (this.#isActive) for (const side of this.#sides()) side.add(replica, pid, status)
  }

  remove(replica: string): void {
    this.#serving.delete(replica)
    for (const side of this.#sides()) side.remove(replica)
  }

  async close(): Promise<void> {
    this.#deactivate()
  }
}

export type { StagedListeners }
