import { WeaverError } from '../../contract/errors.js'

/**
 * Problems of an application, collected before anything runs so that all of them are reported at
 * once.
 */
export class StartProblems {
  readonly #found: (string | WeaverError)[] = []
  readonly #configRemedy: string | undefined
  #isOfConfig = false

  /** @param configRemedy the remedy for any problem of configuration, if all have one reason */
  constructor(configRemedy?: string) {
    this.#configRemedy = configRemedy
  }

  get size(): number {
    return this.#found.length
  }

  /** @param problems a WeaverError keeps its code if it is the only problem */
  add(...problems: readonly (string | WeaverError)[]): void {
    this.#found.push(...problems)
  }

  /** Adds problems of one component's configuration. */
  addOfConfig(owner: string, problems: readonly string[]): void {
    this.#isOfConfig = true
    this.add(...problems.map((problem) => `configuration of "${owner}": ${problem}`))
  }

  /**
   * @throws WeaverError the only problem if it has a code of its own; else `WEAVER_START_INVALID`
   * with all problems, and the first cause
   */
  throwIfAny(): void {
    const found = this.#found.splice(0)
    const [first] = found
    if (first === undefined) return
    if (found.length === 1 && typeof first !== 'string') throw first
    const lines = found.map((problem) => (typeof problem === 'string' ? problem : problem.message))
    const text = lines.length === 1 ? (lines[0] ?? '') : `${lines.length} problems:\n${lines.map((line) => `  - ${line}`).join('\n')}`
    const { cause } = (found.find((problem) => typeof problem !== 'string' && problem.cause !== undefined) as WeaverError | undefined) ?? {}
    const remedy = this.#isOfConfig && this.#configRemedy !== undefined ? `${lines.length === 1 ? '; ' : '\n'}${this.#configRemedy}` : ''
    throw new WeaverError('WEAVER_START_INVALID', `the application cannot start: ${text}${remedy}`, {
      details: { problems: lines },
      ...(cause === undefined ? {} : { cause }),
    })
  }
}
