import { reasonOf, shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { DeploymentView, ReplicaView } from '../../deployers/local/deployment-view.js'
import { viewDeployment } from '../../deployers/local/deployment-control.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { formatAge, formatTable } from '../../print/table.js'
import { listRunning, needRunning } from './running.js'

export function statusCommand(context: CliContext, deployer: LocalDeployer): Command {
  const started = `by \`weaver ${deployer.name} deploy\``
  return new Command('status')
    .description(`show the deployments that were started on this machine ${started}: components, processes, listeners`)
    .argument('[name]', 'name of an application (default: all)')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, flags: { readonly json?: true }) => {
      const running = name === undefined ? listRunning(context, deployer, name) : needRunning(context, deployer, name)
      const asked = await Promise.allSettled(running.map(viewDeployment))
      const views = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      if (flags.json === true) context.output.json(views)
      else if (running.length === 0) context.output.progress(`no application runs on this machine ${started}`)
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
  const deployments = views.map(({ app, deploymentId, startedAt, state }) => [
    app,
    deploymentId,
    formatAge(now - Date.parse(startedAt)),
    state,
  ])
  const components = rows(
    ({ groups }) => groups.flatMap((group) => group.components.map((component) => ({ component, group }))),
    ({ component, group: { replicas } }) => [
      component,
      replicas.map(({ pid = '-', machine }) => (machine === undefined ? pid : `${machine}:${pid}`)).join(', '),
      statusOf(replicas),
    ],
  )
  const listeners = rows(
    (view) => view.listeners,
    ({ name, address }) => [name, address],
  )
  const machines = rows(
    (view) => view.machines ?? [],
    ({ name, address = '-', state, reason }) => [name, address, reason === undefined ? state : `${state}: ${reason}`],
  )
  const ofMachines = ['', 'MACHINES', ...formatTable([['APP', 'DEPLOYMENT', 'MACHINE', 'ADDRESS', 'STATUS'], ...machines])]
  return [
    'DEPLOYMENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'AGE', 'STATUS'], ...deployments]),
    '',
    'COMPONENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'COMPONENT', 'REPLICA PIDS', 'STATUS'], ...components]),
    '',
    'LISTENERS',
    ...formatTable([['APP', 'DEPLOYMENT', 'LISTENER', 'ADDRESS'], ...listeners]),
    ...(machines.length === 0 ? [] : ofMachines),
  ]
}

const WORDS = { starting: 'starting', ready: 'ready', waiting: 'restarting', stopping: 'stopping', ended: 'ended' } as const

/** `ready`, `1 ready, 1 restarting`, and how the last process ended that did so by itself: `ready; 3 restarts, the last was killed by SIGKILL`. */
function statusOf(replicas: readonly ReplicaView[]): string {
  const counts = new Map<string, number>()
  for (const { state } of replicas) counts.set(WORDS[state], (counts.get(WORDS[state]) ?? 0) + 1)
  const [only] = counts.keys()
  const states = counts.size === 1 ? (only ?? '') : [...counts].map(([word, count]) => `${count} ${word}`).join(', ')
  const deaths = replicas.flatMap(({ lastDeath }) => lastDeath ?? []).sort((a, b) => a.at.localeCompare(b.at))
  const restarts = replicas.reduce((sum, one) => sum + one.restarts, 0)
  const last = deaths.at(-1)
  if (last === undefined) return states
  const counted = restarts === 0 ? 'the last' : `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}, the last`
  return `${states}; ${counted} ${last.cause}`
}
