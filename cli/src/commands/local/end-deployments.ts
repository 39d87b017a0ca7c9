import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { isRunning } from '../../deployers/local/process-start.js'
import { type RunningDeployment } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'

const END_MS = 60_000
const LOOK_MS = 50

/**
 * Ends deployments as Ctrl-C in their terminals would, and waits until they have ended.
 * @throws WeaverError `WEAVER_CLI_UNREACHABLE`, `WEAVER_CLI_TIMEOUT`
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
