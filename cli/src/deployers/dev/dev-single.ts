/** Runs the application in one process while it is edited. That process holds the ports: the next one starts when it has ended. */
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { checkFree, holderOf } from '../local/port-in-use.js'
import { multiDeployer } from '../local/multi-deployer.js'
import { runSingle } from '../single/run-single.js'
import { singleDeployer } from '../local/single-deployer.js'
import type { DevEdit, DevTarget } from './dev-target.js'

interface Run {
  readonly done: Promise<number>
  /** As one who ends it at the terminal does; twice: at once. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** Equal texts run in the same way, but for the code. */
  readonly layout: string
}

export class DevSingle implements DevTarget {
  readonly #context: CliContext
  #run: Run | undefined
  /** Still answers what it has. */
  #ending: Run | undefined

  constructor(context: CliContext) {
    this.#context = context
  }

  get isRunning(): boolean {
    return this.#run !== undefined
  }

  async apply({ config, concern }: DevEdit, signal: AbortSignal): Promise<string | undefined> {
    const layout = layoutOf(config)
    const before = this.#run
    if (before?.layout === layout && concern.kind === 'nothing') return undefined
    await this.stop('SIGTERM')
    signal.throwIfAborted()
    const given = Object.entries(config.single.listeners ?? {}).flatMap(([listener, { address }]) =>
      address === undefined ? [] : [{ listener, address, section: 'single' }],
    )
    await checkFree(given, (address) => holderOf(address, [singleDeployer, multiDeployer], this.#context.env))
    this.#start(config, layout)
    return before === undefined ? 'started' : 'restarted'
  }

  #start(config: WeaverToml, layout: string): void {
    let send: Run['signal'] = () => undefined
    const done = runSingle(config, {
      ...this.#context,
      onSignal(listener) {
        send = listener
        return () => (send = () => undefined)
      },
    })
    const run: Run = { done, layout, signal: (signal) => send(signal) }
    this.#run = run
    const onEnd = (): void => {
      if (this.#run !== run) return
      this.#run = undefined
      this.#context.output.progress('the application has ended; the next edit starts it again')
    }
    done.then(onEnd, (error: unknown) => {
      this.#context.output.error((error as Error).message) // runSingle throws errors
      onEnd()
    })
  }

  async stop(signal: NodeJS.Signals): Promise<readonly string[]> {
    const run = this.#run ?? this.#ending
    if (run === this.#run) run?.signal(signal)
    this.#ending = run
    this.#run = undefined
    await run?.done.catch(() => undefined) // said when it was started
    this.#ending = undefined
    return []
  }

  kill(): void {
    const run = this.#run ?? this.#ending
    run?.signal('SIGKILL')
  }
}

function layoutOf({ application, single, components }: WeaverToml): string {
  return JSON.stringify([application, single, components])
}
