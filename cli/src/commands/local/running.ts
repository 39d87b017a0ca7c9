import type { CliContext } from '../../context.js'
import { foldersOf, type LocalDeployer } from '../../deployers/local/local-deployer.js'
import { runningDeployments, type RunningDeployment } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'

/** The running deployments, of one application if it is named. */
export function listRunning({ env }: CliContext, deployer: LocalDeployer, app: string | undefined): readonly RunningDeployment[] {
  return runningDeployments(foldersOf(deployer, env).list).filter((running) => app === undefined || running.app === app)
}

/**
 * All running deployments of one application.
 * @throws WeaverError `WEAVER_CLI_NOT_RUNNING`: none runs, or several applications do and none was
 * named
 */
export function needRunning(
  context: CliContext,
  deployer: LocalDeployer,
  app: string | undefined,
): readonly [RunningDeployment, ...RunningDeployment[]] {
  const [first, ...rest] = listRunning(context, deployer, app)
  if (first === undefined) {
    const others = namesOf(listRunning(context, deployer, undefined))
    throw cliError(
      'WEAVER_CLI_NOT_RUNNING',
      app === undefined
        ? `no application runs on this machine; start one with \`weaver ${deployer.name} deploy weaver.toml\``
        : `"${app}" does not run on this machine; ${others.length === 0 ? 'nothing does' : `${others.join(', ')} ${others.length === 1 ? 'does' : 'do'}`}`,
    )
  }
  const names = namesOf([first, ...rest])
  if (names.length > 1) throw cliError('WEAVER_CLI_NOT_RUNNING', `${names.join(' and ')} run on this machine; name the one that is meant`)
  return [first, ...rest]
}

function namesOf(running: readonly RunningDeployment[]): readonly string[] {
  return [...new Set(running.map(({ app }) => `"${app}"`))]
}
