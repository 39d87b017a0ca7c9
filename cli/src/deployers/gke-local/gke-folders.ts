import { join } from 'node:path'
import { stateFolder } from '../local/state-folder.js'

/** Where `weaver gke-local` keeps things, all below the state folder of this user. */
export interface GkeFolders {
  readonly root: string
  /** State of each application. */
  readonly apps: string
  /** Spec of each version. */
  readonly versions: string
  /** Copy of each version's build. */
  readonly builds: string
  /** The list of running copies, and what each of them needs. */
  readonly hosts: string
  /** What each host says of itself. */
  readonly hostLogs: string
  /** Of applications. */
  readonly logs: string
}

/** Below the state folder, as `LocalDeployer.folders` has them. */
export const LIST_FOLDER = 'gke-local/hosts'
export const LOG_FOLDER = 'logs/gke-local'

/** @throws WeaverError `WEAVER_CLI_STATE` */
export function gkeFolders(env: Readonly<Record<string, string | undefined>>): GkeFolders {
  const state = stateFolder(env)
  const root = join(state, 'gke-local')
  return {
    root,
    apps: join(root, 'apps'),
    versions: join(root, 'versions'),
    builds: join(root, 'builds'),
    hosts: join(state, LIST_FOLDER),
    hostLogs: join(root, 'host-logs'),
    logs: join(state, LOG_FOLDER),
  }
}
