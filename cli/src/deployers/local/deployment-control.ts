/** What is asked of the process that runs a deployment, over its control socket, as JSON. */
import type { ControlReply, ControlRequest } from '@weaver/sdk/contract'
import { maskSecrets } from '../../config/mask-secrets.js'
import { cliError } from '../../errors/catalogue.js'
import { askDeployment } from './ask-deployment.js'
import type { DeploymentView } from './deployment-view.js'
import type { ControlAsk } from './local-deployer.js'
import type { AllReplies, ProcessDeployment } from './process-deployment.js'
import type { RunningDeployment } from './running-deployments.js'

export type DeploymentRequest =
  | { readonly kind: 'view' }
  /** The configuration of its components, without secrets. */
  | { readonly kind: 'config' }
  /** It ends as upon Ctrl-C; the answer comes before that. */
  | { readonly kind: 'stop' }
  /** For every process that is ready. */
  | { readonly kind: 'all'; readonly request: ControlRequest }

export type DeploymentReply =
  | { readonly kind: 'view'; readonly view: DeploymentView }
  | { readonly kind: 'config'; readonly config: Readonly<Record<string, unknown>> }
  | { readonly kind: 'ok' }
  | ({ readonly kind: 'replies' } & AllReplies)
  | { readonly kind: 'error'; readonly message: string }

/** @param stop ends the command */
export async function answerDeploymentRequest(body: Uint8Array, deployment: ProcessDeployment, stop: () => void): Promise<DeploymentReply> {
  let request: DeploymentRequest
  try {
    request = JSON.parse(Buffer.from(body).toString('utf8')) as DeploymentRequest // its kind is checked below; a command of this user sent it
  } catch {
    return { kind: 'error', message: 'the request is not JSON' }
  }
  switch (request.kind) {
    case 'view':
      return { kind: 'view', view: deployment.view }
    case 'config':
      return { kind: 'config', config: maskSecrets(deployment.config) }
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

/** Asks every process of a deployment that is ready. @throws as {@link LocalDeployer.ask} */
export async function askProcesses<K extends ControlReply['kind']>(
  running: RunningDeployment,
  { request, expect, timeoutMs = ASK_MS, signal }: ControlAsk<K>,
): Promise<readonly Extract<ControlReply, { readonly kind: K }>[]> {
  const { replies, silent } = await ask(running, { kind: 'all', request }, { expect: 'replies', timeoutMs: timeoutMs + MARGIN_MS, signal })
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
}

/** @throws WeaverError `WEAVER_CLI_UNREACHABLE` */
export async function viewDeployment(running: RunningDeployment): Promise<DeploymentView> {
  return (await ask(running, { kind: 'view' }, { expect: 'view' })).view
}

/** The configuration of its components, without secrets. @throws WeaverError `WEAVER_CLI_UNREACHABLE` */
export async function configOfDeployment(running: RunningDeployment): Promise<Readonly<Record<string, unknown>>> {
  return (await ask(running, { kind: 'config' }, { expect: 'config' })).config
}

/** Tells it to end. @throws WeaverError `WEAVER_CLI_UNREACHABLE` */
export async function stopDeployment(running: RunningDeployment): Promise<void> {
  await ask(running, { kind: 'stop' }, { expect: 'ok' })
}

async function ask<K extends DeploymentReply['kind']>(
  running: RunningDeployment,
  request: DeploymentRequest,
  options: { readonly expect: K; readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined },
): Promise<Extract<DeploymentReply, { readonly kind: K }>> {
  const { expect, timeoutMs, signal } = options
  return (await askDeployment(running, {
    request,
    expect,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  })) as Extract<DeploymentReply, { readonly kind: K }> // of the kind that was expected
}
