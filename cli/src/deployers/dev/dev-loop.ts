/**
 * Rounds of `weaver dev`: read what was edited, generate, build, bring what runs to it.
 *
 * I1  One round at a time. An edit during one ends its wait for processes, and the next round
 *     applies all that has not been applied yet.
 * I2  A round that fails says why and changes nothing; the next edit tries again.
 */
import { relative } from 'node:path'
import type { Diagnostic, ParsedFiles } from '@weaver/codegen'
import type { Concern, DevBuild } from '@weaver/codegen/dev'
import { loadConfig } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { reportError } from '../../errors/report-error.js'
import { loadCodegen } from '../../generate/load-codegen.js'
import { rememberedProject } from '../../generate/remembered-project.js'
import { readGraph } from '../../graph/read-graph.js'
import type { DevTarget } from './dev-target.js'
import { runBuild } from './run-build.js'

export interface DevLoopOptions {
  /** The weaver.toml, as the user named it. */
  readonly file: string
  /** Of the package. */
  readonly folder: string
  readonly build: DevBuild
  readonly parsed: ParsedFiles
  /** Builds the binary in place of the compiler. */
  readonly command: string | undefined
  readonly target: DevTarget
  readonly context: CliContext
}

/** Why a round went no further; it has been said. */
const SAID = Symbol('said')

export class DevLoop {
  readonly #options: DevLoopOptions
  readonly #over = new AbortController()
  #pending: Concern = { kind: 'nothing' }
  #editedAt: number | undefined = performance.now()
  #round = new AbortController()
  #wake: () => void = () => undefined

  constructor(options: DevLoopOptions) {
    this.#options = options
  }

  edited(): void {
    this.#editedAt ??= performance.now()
    this.#round.abort(new Error('there was another edit'))
    this.#wake()
  }

  /** No other round begins. */
  stop(): void {
    this.#over.abort(new Error('it was stopped'))
    this.#round.abort(this.#over.signal.reason)
    this.#wake()
  }

  /** Resolves after {@link stop}. */
  async run(): Promise<void> {
    const { output } = this.#options.context
    while (!this.#over.signal.aborted) {
      if (this.#editedAt === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      const editedAt = this.#editedAt
      if (editedAt === undefined || this.#over.signal.aborted) continue
      this.#editedAt = undefined
      this.#round = new AbortController()
      const { signal } = this.#round
      try {
        const done = await this.#apply(signal)
        if (done !== undefined) output.progress(`${done} (${((performance.now() - editedAt) / 1_000).toFixed(1)} s)`)
      } catch (error) {
        if (signal.aborted) this.#editedAt ??= editedAt
        else {
          if (error !== SAID) reportError(error, this.#options.context)
          output.progress(`${this.#options.target.isRunning ? 'what ran before goes on; ' : ''}waiting for the next edit`)
        }
      }
    }
  }

  async #apply(signal: AbortSignal): Promise<string | undefined> {
    const { file, folder, target, context } = this.#options
    const config = await loadConfig(file, context.cwd)
    await this.#generate()
    const concern = await this.#build(signal)
    this.#pending = joined(this.#pending, concern)
    const graph = readGraph(folder, context.cwd)
    const done = await target.apply({ config, graph, concern: this.#pending }, signal)
    this.#pending = { kind: 'nothing' }
    return done
  }

  async #generate(): Promise<void> {
    const { folder, parsed, context } = this.#options
    const { formatDiagnostic, generate } = await loadCodegen()
    const { status, diagnostics } = await generate({ projectDir: folder, parsed, ...rememberedProject(folder) })
    if (status !== 'failed') return
    const prefix = relative(context.cwd, folder)
    const placed = ({ file, ...more }: Diagnostic): Diagnostic => (file === undefined ? more : { ...more, file: prefix === '' ? file : `${prefix}/${file}` }) // prettier-ignore
    for (const diagnostic of diagnostics) context.output.progress(formatDiagnostic(placed(diagnostic)))
    throw SAID
  }

  async #build(signal: AbortSignal): Promise<Concern> {
    const { build, command, folder, context } = this.#options
    const { output } = context
    if (command !== undefined) {
      const said = await runBuild(command, { folder, env: context.env, signal })
      if (said !== undefined) {
        output.progress(said)
        throw SAID
      }
    }
    const result = build.update()
    if (result.status === 'built') {
      if (result.concern.kind === 'nothing' && result.changed.length > 0)
        output.progress(`${result.changed.join(', ')}: nothing that runs is other than before`)
      return result.concern
    }
    output.progress(result.text)
    output.progress(`${result.errors} error${result.errors === 1 ? '' : 's'}`)
    throw SAID
  }
}

/** What has to be done when both have not been. */
function joined(a: Concern, b: Concern): Concern {
  if (a.kind === 'components' && b.kind === 'components') return { kind: 'components', names: [...new Set([...a.names, ...b.names])] }
  const order: readonly Concern['kind'][] = ['nothing', 'components', 'everything', 'contract']
  return order.indexOf(a.kind) > order.indexOf(b.kind) ? a : b
}
