import { reasonOf, shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { DeploymentView } from '../../deployers/local/deployment-view.js'
import { viewDeployment } from '../../deployers/local/deployment-control.js'
import { multiDeployer } from '../../deployers/multi/multi-deployer.js'
import { formatAge, formatTable } from '../../print/table.js'
import { listRunning, needRunning } from '../local/running.js'

export function statusCommand(context: CliContext): Command {
  return new Command('status')
    .description('show the deployments that run on this machine by `weaver multi deploy`: components, processes, listeners')
    .argument('[name]', 'name of an application (default: all)')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, flags: { readonly json?: true }) => {
      const running = name === undefined ? listRunning(context, multiDeployer, name) : needRunning(context, multiDeployer, name)
      const asked = await Promise.allSettled(running.map(viewDeployment))
      const views = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      if (flags.json === true) context.output.json(views)
      else if (running.length === 0) context.output.progress('no application runs on this machine by `weaver multi deploy`')
      else for (const line of tablesOf(views, Date.now())) context.output.result(line)
      for (const outcome of asked) if (outcome.status === 'rejected') context.output.warn(reasonOf(outcome.reason))
    })
}

/**
 * As in Service Weaver: the whole deployment id in the first table, its short form in the others.
 */
function tablesOf(views: readonly DeploymentView[], now: number): readonly string[] {
  const rows = <T>(items: (view: DeploymentView) => readonly T[], row: (item: T) => readonly string[]): readonly (readonly string[])[] =>
    views.flatMap((view) => items(view).map((item) => [view.app, shortDeploymentId(view.deploymentId), ...row(item)]))
  const deployments = views.map(({ app, deploymentId, startedAt }) => [app, deploymentId, formatAge(now - Date.parse(startedAt))])
  const components = rows(
    ({ groups }) => groups.flatMap((group) => group.components.map((component) => ({ component, group }))),
    ({ component, group }) => [component, group.replicas.map(({ pid, state }) => pidOf(pid, state)).join(', ')],
  )
  const listeners = rows(
    (view) => view.listeners,
    ({ name, address }) => [name, address],
  )
  return [
    'DEPLOYMENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'AGE'], ...deployments]),
    '',
    'COMPONENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'COMPONENT', 'REPLICA PIDS'], ...components]),
    '',
    'LISTENERS',
    ...formatTable([['APP', 'DEPLOYMENT', 'LISTENER', 'ADDRESS'], ...listeners]),
  ]
}

function pidOf(pid: number | undefined, state: string): string {
  return pid === undefined ? `(${state})` : state === 'ready' ? String(pid) : `${pid} (${state})`
}
