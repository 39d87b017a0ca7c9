/** Deployments of processes, as the dashboard sees them: those of `weaver multi`, and the copies of `weaver gke-local`. */
import type { DashboardSource, DeploymentDetail, DeploymentSummary, ListenerDetail } from '@weaver/dashboard'
import { reasonOf } from '@weaver/sdk/contract'
import { configOfDeployment, viewDeployment } from './deployment-control.js'
import type { DeploymentView, ListenerView } from './deployment-view.js'
import { foldersOf, type LocalDeployer } from './local-deployer.js'
import { createProcessLogs } from './process-logs.js'
import { usageOf } from './process-usage.js'
import { keyOf, runningDeployments, type RunningDeployment } from './running-deployments.js'

/** @param rollouts where deployments replace each other step by step */
export function createProcessSource(
  deployer: LocalDeployer,
  env: Readonly<Record<string, string | undefined>>,
  rollouts?: DashboardSource['rollouts'],
): DashboardSource {
  const more = rollouts === undefined ? {} : { hasRollouts: true }
  const { list, logs } = foldersOf(deployer, env)
  const find = (key: string): RunningDeployment | undefined => runningDeployments(list).find((running) => keyOf(running) === key)
  return {
    tool: `weaver ${deployer.name}`,
    async deployments() {
      const summaries = await Promise.all(runningDeployments(list).map(summaryOf))
      return summaries.map((summary) => ({ ...summary, ...more }))
    },
    async deployment(key) {
      const running = find(key)
      if (running === undefined) return undefined
      const [view, config] = await Promise.all([viewDeployment(running), configOfDeployment(running)])
      return { ...detailOf(deployer.name, view, config), ...more }
    },
    async metrics(key) {
      const running = find(key)
      return running === undefined ? [] : deployer.ask(running, { request: { kind: 'metrics' }, expect: 'metrics' })
    },
    logs: createProcessLogs(logs),
    ...(rollouts === undefined ? {} : { rollouts }),
  }
}

async function summaryOf(running: RunningDeployment): Promise<DeploymentSummary> {
  const { app, deploymentId, location, startedAt } = running
  const known = {
    key: keyOf(running),
    app,
    deploymentId,
    ...(location === undefined ? {} : { location }),
    startedAt: new Date(startedAt).toISOString(),
  }
  try {
    return { ...known, state: (await viewDeployment(running)).state }
  } catch (error) {
    return { ...known, state: 'no answer', problem: reasonOf(error) }
  }
}

function detailOf(tool: LocalDeployer['name'], view: DeploymentView, config: DeploymentDetail['config']): DeploymentDetail {
  const { config: configFile, listeners, groups, ...rest } = view
  const usage = usageOf(groups.flatMap(({ replicas }) => replicas.flatMap(({ pid }) => pid ?? [])))
  return {
    ...rest,
    key: keyOf(view),
    configFile,
    config,
    listeners: listeners.map(listenerOf),
    groups: groups.map((group) => ({
      ...group,
      replicas: group.replicas.map((replica) => ({ ...replica, ...(replica.pid === undefined ? {} : usage.get(replica.pid)) })),
    })),
    commands: commandsOf(tool, view.app),
  }
}

/** A proxy has one address; several are those of its processes. */
function listenerOf(listener: ListenerView): ListenerDetail {
  const isOne = listener.address !== '' && !listener.address.includes(',')
  return { ...listener, ...(isOne ? { url: `http://${listener.address}/` } : {}) }
}

function commandsOf(tool: LocalDeployer['name'], app: string): DeploymentDetail['commands'] {
  const command = (rest: string, does: string) => ({ text: `weaver ${tool} ${rest}`, does })
  return [
    command(`status ${app}`, 'what runs'),
    command(`logs ${app} --follow`, 'the log of all processes as one stream'),
    command(`metrics ${app}`, 'what every process counts'),
    command(`profile ${app}`, 'where its time goes'),
    command(`kill ${app}`, 'ends it'),
  ]
}
