/**
 * Probes the health of components: for as long as a probe waits, and each of them once at a time.
 */
import type { Hooks } from '../../component/component.js'
import type { Logger } from '../../telemetry/logger.js'

/** Time limit of an answer; a prober of Kubernetes waits as long by default. */
const HEALTH_MS = 1_000
/**
 * An answer still missing after this time is requested again: a component that hangs once may
 * recover.
 */
const FORGET_MS = 10_000

export class ComponentHealth {
  readonly #log: Logger
  /** Pending answers: a probe shares the request of an earlier one. */
  readonly #asked = new Map<string, Promise<boolean>>()

  constructor(log: Logger) {
    this.#log = log
  }

  /**
   * Whether each of these reports within a second that it is healthy. Never rejects; problems are
   * logged with the component.
   */
  async areWell(components: Iterable<{ readonly name: string; readonly instance: Hooks }>): Promise<boolean> {
    const answers = [...components].flatMap(({ name, instance }) => (instance.health === undefined ? [] : [this.#isWell(name, instance)]))
    return (await Promise.all(answers)).every((isWell) => isWell)
  }

  async #isWell(name: string, instance: Hooks): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), HEALTH_MS)))
    try {
      const answer = await Promise.race([this.#ask(name, instance), late])
      if (answer === 'late') this.#log.warn('health() takes too long', { component: name, limitMs: HEALTH_MS })
      else if (!answer) this.#log.warn('health() says that it is not well', { component: name })
      return answer === true
    } catch (error) {
      this.#log.warn('health() failed', { component: name, err: error })
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  #ask(name: string, instance: Hooks): Promise<boolean> {
    const asked = this.#asked.get(name)
    if (asked !== undefined) return asked
    const answer = (async () => (await instance.health?.()) !== false)()
    this.#asked.set(name, answer)
    const forget = (): void => {
      clearTimeout(timer)
      if (this.#asked.get(name) === answer) this.#asked.delete(name)
    }
    const timer = setTimeout(forget, FORGET_MS).unref()
    answer.then(forget, forget)
    return answer
  }
}
