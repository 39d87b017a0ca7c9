import { askProcesses, stopDeployment } from '../local/deployment-control.js'
import type { LocalDeployer } from '../local/local-deployer.js'

export const sshDeployer: LocalDeployer = {
  name: 'ssh',
  folders: { list: 'ssh', logs: 'logs/ssh' },
  ask: askProcesses,
  stop: stopDeployment,
  async purge(list, env) {
    const { purgeMachines } = await import('./used-machines.js') // of no use to other commands
    return purgeMachines(list, { env })
  },
}
