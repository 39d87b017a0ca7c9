import { dirname, resolve } from 'node:path'
import { isWeaverError } from '@weaver/sdk/contract'
import { binaryOf, packageOf } from '../../config/launch.js'
import { loadConfig } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { EXIT } from '../../errors/catalogue.js'
import { loadCodegen } from '../../generate/load-codegen.js'
import { rememberedProject } from '../../generate/remembered-project.js'
import { findNatsServer, type FoundBroker } from '../local/find-nats-server.js'
import { DevLoop } from './dev-loop.js'
import { DevMulti } from './dev-multi.js'
import { DevSingle } from './dev-single.js'
import type { DevTarget } from './dev-target.js'
import { watchSources } from './watch-sources.js'

export interface DevOptions {
  /** The weaver.toml. */
  readonly file: string
  /** @default `multi` where there is a broker, else `single` */
  readonly mode?: 'single' | 'multi' | undefined
  readonly natsUrl?: string | undefined
  /** Builds the binary in place of the compiler. */
  readonly build?: string | undefined
}

/**
 * `weaver dev`: runs the application, and what an edit concerns again after each edit, until Ctrl-C.
 * @returns the exit code
 */
export async function runDev({ file, mode, natsUrl, build: command }: DevOptions, context: CliContext): Promise<number> {
  const { output, cwd } = context
  const broker = mode === 'single' ? undefined : brokerFor({ mode, natsUrl }, context)
  const config = await loadConfig(file, cwd)
  const folder = await packageOf(config)
  const binary = binaryOf(config)
  const { ParsedFiles } = await loadCodegen()
  const { DevBuild } = await import('@weaver/codegen/dev') // the compiler
  const build = new DevBuild({
    projectDir: folder,
    binary,
    isBuiltElsewhere: command !== undefined,
    isColored: output.isColored,
    ...rememberedProject(folder),
  })
  let isUnread = false
  let stopping: Promise<readonly string[]> | undefined
  const stop = (signal: NodeJS.Signals): void => {
    loop.stop()
    stopping ??= target.stop(signal)
  }
  const target: DevTarget =
    broker === undefined ? new DevSingle(context) : new DevMulti({ broker, context, onStopAsked: () => stop('SIGTERM') })
  const loop = new DevLoop({ file, folder, build, parsed: new ParsedFiles(), command, target, context })
  const release = context.onSignal((signal) => {
    if (signal === 'SIGPIPE') {
      isUnread = true
      stop('SIGTERM')
    } else if (stopping === undefined) {
      output.progress('stopping; what is in flight is answered. Again: ends at once')
      stop(signal)
    } else {
      output.progress('ending at once')
      target.kill()
    }
  })
  // A source may be the binary itself.
  const outputs = dirname(binary) === folder || /\.[cm]?tsx?$/.test(binary) ? [resolve(folder, 'dist')] : [dirname(binary)]
  const watching = watchSources({ folder, outputs, files: [config.path], onEdit: () => loop.edited() })
  try {
    output.progress(`watching "${folder}"; Ctrl-C ends it`)
    await loop.run()
    const problems = (await stopping) ?? []
    for (const problem of problems) output.warn(problem)
    if (isUnread) return EXIT.unread
    return problems.length === 0 ? EXIT.ok : EXIT.failed
  } finally {
    watching.close()
    release()
    await target.stop('SIGTERM')
  }
}

/** @returns `undefined`: everything is to run in one process */
function brokerFor({ mode, natsUrl }: Pick<DevOptions, 'mode' | 'natsUrl'>, { env, cwd, output }: CliContext): FoundBroker | undefined {
  try {
    return findNatsServer({ url: natsUrl, env, cwd })
  } catch (error) {
    if (mode === 'multi' || !isWeaverError(error) || error.code !== 'WEAVER_CLI_NATS') throw error
    output.progress('there is no nats-server, so everything runs in one process; `weaver dev --multi` says how to get one')
    return undefined
  }
}
