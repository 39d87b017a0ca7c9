import { askProcesses, stopDeployment } from './deployment-control.js'
import type { LocalDeployer } from './local-deployer.js'

export const multiDeployer: LocalDeployer = {
  name: 'multi',
  folders: { list: 'multi', logs: 'logs/multi' },
  ask: askProcesses,
  stop: stopDeployment,
}
