import type { ComponentGraph } from '@weaver/sdk/contract'
import type { WeaverToml } from '../../config/load-config.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import type { DeploymentPlan } from '../local/open-deployment.js'
import { localSite } from '../local/local-site.js'
import { multiDeployer } from '../local/multi-deployer.js'
import type { MultiPlan } from './multi-plan.js'

/** Processes and their broker on this machine. */
export function multiDeployment(of: {
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly plan: MultiPlan
  readonly broker: FoundBroker
}): DeploymentPlan {
  const { config, graph, plan, broker } = of
  return {
    deployer: multiDeployer,
    config,
    graph,
    groups: plan.groups,
    restart: { kind: config.multi.restart ?? 'restart' },
    site: ({ folder, deploymentId, env }) => localSite({ found: broker, folder, key: deploymentId, env }),
    childrenOf({ processes: { replicas, broker: server } }, binary) {
      return [replicas.map((pid) => ({ pid, commandHas: binary })), server === undefined ? [] : [server]]
    },
  }
}

/** What is said of the broker before it is used. */
export function brokerText(broker: FoundBroker): string {
  return broker.kind === 'url' ? SHARED_BROKER : `broker: ${broker.path} (${broker.from})`
}

const SHARED_BROKER =
  'broker: your own (--nats). It has no accounts for deployments: their subjects differ, but nothing keeps a process from those of another'
