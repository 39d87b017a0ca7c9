import type { CliContext } from '../../context.js'
import { noGraph } from '../../generate/build-steps.js'
import { findNatsServer } from '../local/find-nats-server.js'
import { loadApplication } from '../local/load-application.js'
import { runInTerminal } from '../local/run-in-terminal.js'
import { singleDeployer } from '../local/single-deployer.js'
import { multiDeployer } from '../local/multi-deployer.js'
import { brokerText, multiDeployment } from './multi-deployment.js'
import { multiProblems, planMulti } from './multi-plan.js'

/** `weaver multi deploy`: checks everything, then runs it. @returns the exit code */
export async function deployMulti(
  { file, natsUrl }: { readonly file: string; readonly natsUrl: string | undefined },
  context: CliContext,
): Promise<number> {
  const broker = findNatsServer({ url: natsUrl, env: context.env, cwd: context.cwd })
  const { config, folder, graph } = await loadApplication(file, context, multiProblems)
  if (graph === undefined) throw noGraph(folder, context.cwd)
  const plan = planMulti(config, graph)
  const { addresses } = plan
  return runInTerminal(
    multiDeployment({ config, graph, plan, broker }),
    { neighbours: [multiDeployer, singleDeployer], addresses, note: brokerText(broker) },
    context,
  )
}
