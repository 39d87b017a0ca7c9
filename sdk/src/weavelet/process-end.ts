import { processNow } from '../context/process-clock.js'
import { createLogger } from '../telemetry/logger.js'
import { watchLifeline } from './lifeline.js'
import type { ProgramOutput } from './program-output.js'
import type { Weavelet } from './weavelet.js'

/**
 * A second Ctrl-C ends the process at once. One this soon after the first does not count: `npm run`
 * repeats what the terminal has already sent.
 */
const SECOND_INTERRUPT_MS = 300
const INTERRUPTED = 130

/**
 * The end of a process: whatever the cause, the weavelet is stopped once, within the grace period,
 * and the exit code says how that went.
 */
export class ProcessEnd {
  readonly #output: ProgramOutput
  /** Aborts when the process is stopped. */
  readonly #abort: AbortController
  readonly #graceMs: number
  #isStopping = false
  #exitCode = 0

  constructor(output: ProgramOutput, { abort, graceMs }: { readonly abort: AbortController; readonly graceMs: number }) {
    this.#output = output
    this.#abort = abort
    this.#graceMs = graceMs
  }

  /**
   * Watches signals, and the end of the deployer.
   * @param lifelineFd absent: the process outlives its deployer
   */
  listen(started: Promise<Weavelet>, lifelineFd: number | undefined): void {
    process.on('SIGTERM', () => this.begin(started, 0))
    if (lifelineFd !== undefined)
      watchLifeline(lifelineFd, () => {
        createLogger(this.#output.sink).warn('the deployer has ended; this process stops')
        this.begin(started, 0)
      })
    let interruptedAt = Infinity
    process.on('SIGINT', () => {
      if (processNow() - interruptedAt >= SECOND_INTERRUPT_MS) process.exit(INTERRUPTED)
      interruptedAt = Math.min(interruptedAt, processNow())
      this.begin(started, 0)
    })
  }

  /**
   * Stops the weavelet and ends the process. Only the first call has an effect, except for a worse
   * code.
   */
  begin(started: Promise<Weavelet>, code: number): void {
    this.#exitCode = Math.max(this.#exitCode, code)
    if (this.#isStopping) return
    this.#isStopping = true
    this.#abort.abort()
    const graceMs = this.#graceMs
    const timer = setTimeout(() => {
      createLogger(this.#output.sink).error('the stop took longer than its grace period; what was in flight is lost', { graceMs })
      process.exit(1)
    }, graceMs)
    this.#stop(started)
      .then((isClean) => {
        clearTimeout(timer)
        process.exit(isClean ? this.#exitCode : 1)
      })
      .catch((error: unknown) => {
        this.#output.fail(error)
        process.exit(1)
      })
  }

  /** @returns whether everything ended well */
  #stop(started: Promise<Weavelet>): Promise<boolean> {
    return started.then(
      (weavelet) => weavelet.stop(),
      async (error: unknown) => {
        await this.#output.shipper?.stop()
        return error === this.#abort.signal.reason // it had not started
      },
    )
  }
}
