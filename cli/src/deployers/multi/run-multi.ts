import { banner, isWeaverError, type ComponentGraph } from '@weaver/sdk/contract'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError, EXIT } from '../../errors/catalogue.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import { holderOf } from '../local/port-in-use.js'
import { singleDeployer } from '../single/single-deployer.js'
import { multiDeployer } from './multi-deployer.js'
import { MultiListeners } from './multi-listeners.js'
import type { MultiPlan } from './multi-plan.js'
import { brokerText, openMulti } from './open-multi.js'

export interface RunMultiOptions {
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly plan: MultiPlan
  readonly broker: FoundBroker
}

/**
 * Runs a deployment in this terminal until Ctrl-C, `weaver multi kill`, or a death with the policy "stop-all".
 * @returns the exit code
 */
export async function runMulti(options: RunMultiOptions, context: CliContext): Promise<number> {
  const { plan, broker } = options
  const { output } = context
  let isAsked = false
  let isUnread = false
  const stop = (): void => {
    isAsked = true
    void deployment.stop() // awaited below
  }
  const listeners = new MultiListeners({
    addresses: plan.addresses,
    holderOf: (address) => holderOf(address, [multiDeployer, singleDeployer], context.env),
  })
  const opened = openMulti({ ...options, tool: 'weaver multi', listeners, onStopAsked: stop }, context)
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
    output.progress(brokerText(broker))
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
