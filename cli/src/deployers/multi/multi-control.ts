/** What other commands ask the command that runs a deployment, over its control socket, as JSON. */
import type { ControlReply, ControlRequest } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import { askDeployment } from '../local/ask-deployment.js'
import type { DeploymentView } from '../local/deployment-view.js'
import type { ControlAsk, LocalDeployer } from '../local/local-deployer.js'
import type { RunningDeployment } from '../local/running-deployments.js'
import type { AllReplies, MultiDeployment } from './multi-deployment.js'

export type MultiRequest =
  | { readonly kind: 'view' }
  /** It ends as upon Ctrl-C; the answer comes before that. */
  | { readonly kind: 'stop' }
  /** For every process that is ready. */
  | { readonly kind: 'all'; readonly request: ControlRequest }

export type MultiReply =
  | { readonly kind: 'view'; readonly view: DeploymentView }
  | { readonly kind: 'ok' }
  | ({ readonly kind: 'replies' } & AllReplies)
  | { readonly kind: 'error'; readonly message: string }

/** @param stop ends the command */
export async function answerMultiRequest(body: Uint8Array, deployment: MultiDeployment, stop: () => void): Promise<MultiReply> {
  let request: MultiRequest
  try {
    request = JSON.parse(Buffer.from(body).toString('utf8')) as MultiRequest // its kind is checked below; a command of this user sent it
  } catch {
    return { kind: 'error', message: 'the request is not JSON' }
  }
  switch (request.kind) {
    case 'view':
      return { kind: 'view', view: deployment.view }
    case 'stop':
      stop()
      return { kind: 'ok' }
    case 'all':
      return { kind: 'replies', ...(await deployment.askAll(request.request)) }
    default:
      return { kind: 'error', message: `"${String((request as { kind?: unknown }).kind)}" is not a request of this release` } // whatever came
  }
}

/** Beyond the time that the processes have to answer. */
const MARGIN_MS = 5_000
const ASK_MS = 10_000

export const multiDeployer: LocalDeployer = {
  name: 'multi',
  folders: { list: 'multi', logs: 'logs/multi' },
  async ask<K extends ControlReply['kind']>(running: RunningDeployment, ask: ControlAsk<K>) {
    const { request, expect, timeoutMs = ASK_MS, signal } = ask
    const { replies, silent } = await askMulti(
      running,
      { kind: 'all', request },
      { expect: 'replies', timeoutMs: timeoutMs + MARGIN_MS, signal },
    )
    const refused = replies.find((reply) => reply.kind === 'error')
    const answers = replies.filter((reply): reply is Extract<ControlReply, { readonly kind: K }> => reply.kind === expect)
    if (answers.length > 0) return answers
    const why =
      refused?.kind === 'error'
        ? `refuses: ${refused.message}`
        : silent.length > 0
          ? `does not answer: none of ${silent.join(', ')} does`
          : 'has no process that is ready'
    throw cliError('WEAVER_CLI_UNREACHABLE', `"${running.app}" ${why}`)
  },
}

/** @throws WeaverError `WEAVER_CLI_UNREACHABLE` */
export async function viewMulti(running: RunningDeployment): Promise<DeploymentView> {
  return (await askMulti(running, { kind: 'view' }, { expect: 'view' })).view
}

/** Tells it to end. @throws WeaverError `WEAVER_CLI_UNREACHABLE` */
export async function stopMulti(running: RunningDeployment): Promise<void> {
  await askMulti(running, { kind: 'stop' }, { expect: 'ok' })
}

async function askMulti<K extends MultiReply['kind']>(
  running: RunningDeployment,
  request: MultiRequest,
  options: { readonly expect: K; readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined },
): Promise<Extract<MultiReply, { readonly kind: K }>> {
  const { expect, timeoutMs, signal } = options
  return (await askDeployment(running, {
    request,
    expect,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  })) as Extract<MultiReply, { readonly kind: K }> // of the kind that was expected
}
