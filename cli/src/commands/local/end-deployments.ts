import { setTimeout as sleep } from 'node:timers/promises'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { isRunning } from '../../deployers/local/process-start.js'
import { type RunningDeployment } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'

const END_MS = 60_000
const LOOK_MS = 50

/**
 * Ends deployments as Ctrl-C in their terminals would, and waits until they have ended.
 * @throws WeaverError `WEAVER_CLI_DECLINED`, `WEAVER_CLI_UNREACHABLE`, `WEAVER_CLI_TIMEOUT`
 */
export async function endDeployments(deployer: LocalDeployer, running: readonly RunningDeployment[]): Promise<void> {
  await Promise.all(
    running.map(async (one) => {
      await deployer.stop(one)
      for (const until = performance.now() + END_MS; isRunning(one); await sleep(LOOK_MS))
        if (performance.now() > until)
          throw cliError(
            'WEAVER_CLI_TIMEOUT',
            `"${one.app}" (process ${one.pid}) has not ended within ${END_MS / 1_000} s; it still drains`,
          )
    }),
  )
}

/**
 * @throws WeaverError `WEAVER_CLI_DECLINED`: the answer was no, or there is no terminal to ask on
 */
export async function confirm(context: CliContext, question: string, flags: { readonly yes?: true }): Promise<void> {
  if (flags.yes === true) return
  if (context.ask === undefined) throw cliError('WEAVER_CLI_DECLINED', `${question} There is no terminal to ask on; give --yes`)
  if (!(await context.ask(question))) throw cliError('WEAVER_CLI_DECLINED', 'nothing was ended')
}
