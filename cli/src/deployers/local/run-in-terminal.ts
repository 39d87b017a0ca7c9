import { banner, isWeaverError } from '@weaver/sdk/contract'
import type { CliContext } from '../../context.js'
import { cliError, EXIT } from '../../errors/catalogue.js'
import type { LocalDeployer } from './local-deployer.js'
import { openDeployment, type DeploymentPlan } from './open-deployment.js'
import { holderOf } from './port-in-use.js'
import { ProxiedListeners } from './proxied-listeners.js'

export interface TerminalOptions {
  /** Whose listeners may have an address that is wanted. */
  readonly neighbours: readonly LocalDeployer[]
  /** Of each listener, by name; `undefined`: any free port. */
  readonly addresses: Readonly<Record<string, string | undefined>>
  /** What is said before anything starts. */
  readonly note: string
}

/**
 * Runs a deployment in this terminal until Ctrl-C, `weaver … kill`, or a death with the policy "stop-all".
 * @returns the exit code
 */
export async function runInTerminal(
  plan: DeploymentPlan,
  { neighbours, addresses, note }: TerminalOptions,
  context: CliContext,
): Promise<number> {
  const { output } = context
  let isAsked = false
  let isUnread = false
  const stop = (): void => {
    isAsked = true
    void deployment.stop() // awaited below
  }
  const listeners = new ProxiedListeners({
    section: plan.deployer.name,
    addresses,
    holderOf: (address) => holderOf(address, neighbours, context.env),
  })
  const opened = openDeployment(plan, { listeners, onStopAsked: stop }, context)
  const { app, deploymentId, startedAt, deployment } = opened
  const release = context.onSignal((signal) => {
    if (signal === 'SIGPIPE') {
      isUnread = true
      output.progress('nobody reads the log any more; stopping, and what is in flight is answered')
      stop()
    } else if (deployment.isStopping) {
      output.progress('ending at once')
      deployment.kill()
    } else {
      output.progress('stopping; what is in flight is answered. Again: ends at once')
      stop()
    }
  })
  try {
    output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
    output.progress(note)
    await opened.serve()
    await deployment.start()
    for (const { name, address } of deployment.view.listeners) output.progress(`listener ${name}: http://${address}`)
    const processes = plan.groups.reduce((sum, { replicas }) => sum + replicas, 0)
    output.progress(`ready: ${processes} processes in ${((Date.now() - startedAt) / 1_000).toFixed(1)} s. Ctrl-C ends it`)
    const why = await deployment.over
    const problems = await deployment.stop()
    for (const problem of problems) output.warn(problem)
    if (why !== undefined) throw cliError('WEAVER_CLI_DEPLOYMENT_ENDED', `the deployment was stopped: ${why}`)
    if (isUnread) return EXIT.unread
    return problems.length === 0 ? EXIT.ok : EXIT.failed
  } catch (error) {
    await deployment.stop()
    if (isAsked && isWeaverError(error) && error.code === 'WEAVER_CLI_INTERRUPTED') return isUnread ? EXIT.unread : EXIT.ok // before it was ready
    throw error
  } finally {
    release()
    await opened.close()
  }
}
