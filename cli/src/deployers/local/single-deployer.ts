import type { ControlReply } from '@weaver/sdk/contract'
import { askDeployment } from './ask-deployment.js'
import type { ControlAsk, LocalDeployer } from './local-deployer.js'
import { endProcess, type RunningDeployment } from './running-deployments.js'

/** The application's one process answers for itself. */
export const singleDeployer: LocalDeployer = {
  name: 'single',
  folders: { list: 'single', logs: 'logs' },
  ask: async (running, ask) => [await askSingle(running, ask)],
  // Its process answers no request to end: it ends upon the signal, whoever sends it.
  stop: async (running) => endProcess(running),
}

/** @throws as {@link LocalDeployer.ask} */
export async function askSingle<K extends ControlReply['kind']>(
  running: RunningDeployment,
  ask: ControlAsk<K>,
): Promise<Extract<ControlReply, { readonly kind: K }>> {
  return (await askDeployment(running, ask)) as Extract<ControlReply, { readonly kind: K }> // of the kind that was expected
}
