/**
 * Counters of the proxies of one app over several passes: a process counts from its own start, and
 * the operator tells what came since it first saw the process.
 */
import type { ProgrammedProxy } from './proxy-report.js'

const MAX_BASELINES = 1_000

export class ProxyCounters {
  /** Requests of a slot before its current version, by process, slot and version. */
  readonly #baselines = new Map<string, number>()
  /** Lost pins by process, as last read. */
  #read: ReadonlyMap<string, number> = new Map()
  #lostPins = 0

  /** What the counter of this key had when it was first asked for. */
  baseline(key: string, requests: number): number {
    const known = this.#baselines.get(key)
    if (known !== undefined) return known
    if (this.#baselines.size > MAX_BASELINES) this.#baselines.clear()
    this.#baselines.set(key, requests)
    return requests
  }

  /** Lost pins of all proxies so far. A proxy that does not answer may do so again: its count stays. */
  lostPins(proxies: readonly ProgrammedProxy[]): number {
    const read = new Map<string, number>()
    for (const { name, view } of proxies) {
      if (view === undefined) {
        for (const [known, count] of this.#read) if (known.startsWith(`${name} `)) read.set(known, count)
        continue
      }
      const key = `${name} ${view.process}`
      read.set(key, view.lostPins)
      this.#lostPins += view.lostPins - (this.#read.get(key) ?? view.lostPins)
    }
    this.#read = read
    return this.#lostPins
  }
}
