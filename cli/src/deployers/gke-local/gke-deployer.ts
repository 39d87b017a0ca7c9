import { askProcesses, stopDeployment } from '../local/deployment-control.js'
import type { LocalDeployer } from '../local/local-deployer.js'
import { LIST_FOLDER, LOG_FOLDER } from './gke-folders.js'

/** Every copy of every version is a deployment of its own on the list. */
export const gkeDeployer: LocalDeployer = {
  name: 'gke-local',
  folders: { list: LIST_FOLDER, logs: LOG_FOLDER },
  ask: askProcesses,
  stop: stopDeployment,
}
