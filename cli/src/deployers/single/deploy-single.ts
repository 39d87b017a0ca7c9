import { GRAPH_FILE } from '@weaver/sdk/contract'
import { listenerProblems } from '../../config/listener-problems.js'
import type { CliContext } from '../../context.js'
import { generateCommandFor } from '../../generate/check-generated.js'
import { loadApplication } from '../local/load-application.js'
import { checkFree, holderOf } from '../local/port-in-use.js'
import { multiDeployer } from '../local/multi-deployer.js'
import { runSingle } from './run-single.js'
import { singleDeployer } from '../local/single-deployer.js'

/** `weaver single deploy`: checks everything, then runs it. @returns the exit code */
export async function deploySingle(file: string, context: CliContext): Promise<number> {
  const { config, folder, graph } = await loadApplication(file, context, (of, graph) => listenerProblems(of, graph, 'single'))
  if (graph === undefined)
    context.output.warn(
      `"${folder}" has no ${GRAPH_FILE}: nothing is checked before the start, neither configuration nor generated files; run \`${generateCommandFor(folder, context.cwd)}\`, and commit the file`,
    )
  const given = Object.entries(config.single.listeners ?? {}).flatMap(([listener, { address }]) =>
    address === undefined ? [] : [{ listener, address, section: 'single' }],
  )
  await checkFree(given, (address) => holderOf(address, [singleDeployer, multiDeployer], context.env))
  return runSingle(config, context)
}
