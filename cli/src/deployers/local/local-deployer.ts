import { join } from 'node:path'
import type { ControlReply, ControlRequest } from '@weaver/sdk/contract'
import type { RunningDeployment } from './running-deployments.js'
import { stateFolder } from './state-folder.js'

/** What commands over running deployments must know of a deployer of this machine; they are the same for all of them. */
export interface LocalDeployer {
  /** As it is typed: `weaver <name> deploy`. */
  readonly name: 'single' | 'multi' | 'ssh' | 'gke-local'
  /** Folders of the list of running deployments and of their logs, below the state folder. */
  readonly folders: { readonly list: string; readonly logs: string }
  /**
   * Asks every process of a deployment.
   * @returns their replies; one that does not answer while others do is left out
   * @throws WeaverError `WEAVER_CLI_UNREACHABLE`: no answer, or a refusal. Rejects with `signal.reason` when aborted.
   */
  ask<K extends ControlReply['kind']>(
    running: RunningDeployment,
    ask: ControlAsk<K>,
  ): Promise<readonly Extract<ControlReply, { readonly kind: K }>[]>
  /**
   * Tells a deployment to end as Ctrl-C in its terminal would; it drains after this has resolved.
   * @throws WeaverError `WEAVER_CLI_UNREACHABLE`
   */
  stop(running: RunningDeployment): Promise<void>
  /**
   * Deletes what deployments have left elsewhere than in the folders of this machine, once none runs.
   * @returns sentences for people; `isDone`: nothing is left there
   */
  purge?(list: string, env: NodeJS.ProcessEnv): Promise<readonly { readonly text: string; readonly isDone: boolean }[]>
}

export interface ControlAsk<K extends ControlReply['kind']> {
  readonly request: ControlRequest
  readonly expect: K
  /** How long an answer may take beyond the time of the request itself, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** @throws WeaverError `WEAVER_CLI_STATE` */
export function foldersOf(
  { folders }: LocalDeployer,
  env: Readonly<Record<string, string | undefined>>,
): { readonly list: string; readonly logs: string } {
  const state = stateFolder(env)
  return { list: join(state, folders.list), logs: join(state, folders.logs) }
}
