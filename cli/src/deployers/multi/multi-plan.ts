/** What `weaver multi` runs of an application: its groups, and where its listeners are. Pure. */
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configInvalid, type ConfigProblem } from '../../config/config-problem.js'
import { listenersOf } from '../../config/listener-problems.js'
import type { WeaverToml } from '../../config/load-config.js'
import { declareSection, processGroups, type ProcessGroup } from '../local/process-groups.js'

export interface MultiPlan {
  /** Sorted by name. */
  readonly groups: readonly ProcessGroup[]
  /** Of each listener of the application, by name; absent: any free port. */
  readonly addresses: Readonly<Record<string, string | undefined>>
}

/** Names that the application does not have, and components in two groups. */
export function multiProblems(config: WeaverToml, graph: ComponentGraph): readonly ConfigProblem[] {
  return declareSection('multi', config, graph).problems
}

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with {@link multiProblems} */
export function planMulti(config: WeaverToml, graph: ComponentGraph): MultiPlan {
  const { multi } = config
  const { declared, problems } = declareSection('multi', config, graph)
  if (problems.length > 0) throw configInvalid(config.file, problems)
  return {
    groups: processGroups(declared, graph, multi.replicas),
    addresses: Object.fromEntries(listenersOf(graph).map((name) => [name, multi.listeners?.[name]?.address])),
  }
}
