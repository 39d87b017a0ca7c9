import { join } from 'node:path'
import type { CliContext } from '../../context.js'
import { runningSingles, type RunningSingle } from '../../deployers/single/running-singles.js'
import { SINGLES_FOLDER, stateFolder } from '../../deployers/single/state-folder.js'
import { cliError } from '../../errors/catalogue.js'

/** The deployments that run, of one application where it is named. */
export function listRunning({ env }: CliContext, app: string | undefined): readonly RunningSingle[] {
  return runningSingles(join(stateFolder(env), SINGLES_FOLDER)).filter((running) => app === undefined || running.app === app)
}

/** All running deployments of one application. @throws WeaverError `WEAVER_CLI_NOT_RUNNING`: none runs, or several applications do and none was named */
export function needRunning(context: CliContext, app: string | undefined): readonly [RunningSingle, ...RunningSingle[]] {
  const [first, ...rest] = listRunning(context, app)
  if (first === undefined) {
    const others = namesOf(listRunning(context, undefined))
    throw cliError(
      'WEAVER_CLI_NOT_RUNNING',
      app === undefined
        ? 'no application runs on this machine; start one with `weaver single deploy weaver.toml`'
        : `"${app}" does not run on this machine; ${others.length === 0 ? 'nothing does' : `${others.join(', ')} ${others.length === 1 ? 'does' : 'do'}`}`,
    )
  }
  const names = namesOf([first, ...rest])
  if (names.length > 1) throw cliError('WEAVER_CLI_NOT_RUNNING', `${names.join(' and ')} run on this machine; name the one that is meant`)
  return [first, ...rest]
}

function namesOf(running: readonly RunningSingle[]): readonly string[] {
  return [...new Set(running.map(({ app }) => `"${app}"`))]
}
