/**
 * What the code of a test leaves behind in its process: child processes and servers that listen.
 * Tests that run at the same time cannot be told apart, so none of them is accused. Timers are not
 * looked at: those of the test runner come and go in the same process.
 */
import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { untilGone } from './until-gone.js'

/** Node publishes each process that it starts here. */
const PROCESSES = 'child_process'

const running = new Set<LeakWatch>()

export class LeakWatch {
  readonly #children = new Set<ChildProcess>()
  readonly #serversBefore = countServers()
  #isAlone = running.size === 0
  readonly #onProcess = (message: unknown): void => void this.#children.add((message as { readonly process: ChildProcess }).process) // as Node documents it

  constructor() {
    for (const other of running) other.#isAlone = false
    running.add(this)
    subscribe(PROCESSES, this.#onProcess)
  }

  /** Ends the watch. @returns what is left, each in words; empty is good */
  async end(): Promise<readonly string[]> {
    const left = await untilGone(() => this.#left())
    this.abandon()
    return left
  }

  /** Ends the watch without an answer. */
  abandon(): void {
    running.delete(this)
    unsubscribe(PROCESSES, this.#onProcess)
  }

  #left(): string[] {
    if (!this.#isAlone) return []
    const processes = [...this.#children]
      .filter(({ exitCode, pid, signalCode }) => pid !== undefined && exitCode === null && signalCode === null)
      .map(({ pid, spawnargs }) => `the process ${pid} (${spawnargs.join(' ').slice(0, 200)}) still runs`)
    const servers = countServers() - this.#serversBefore
    if (servers <= 0) return processes
    return [...processes, servers === 1 ? 'a server still listens' : `${servers} servers still listen`]
  }
}

function countServers(): number {
  return process.getActiveResourcesInfo().filter((one) => one === 'TCPServerWrap').length
}
