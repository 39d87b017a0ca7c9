/** What `weaver multi` runs of an application: its groups, and where its listeners are. Pure. */
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configInvalid, formatTomlPath, unknownNameHint, type ConfigProblem } from '../../config/config-problem.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { TomlPath } from '../../config/toml-positions.js'
import { declareGroups, processGroups, type ProcessGroup } from '../local/process-groups.js'
import { parseAddress } from './listener-address.js'

export interface MultiPlan {
  /** Sorted by name. */
  readonly groups: readonly ProcessGroup[]
  /** Of each listener of the application, by name; absent: any free port. */
  readonly addresses: Readonly<Record<string, string | undefined>>
}

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` for names that the application does not have, and components in two groups */
export function planMulti(config: WeaverToml, graph: ComponentGraph): MultiPlan {
  const { multi } = config
  const problems: ConfigProblem[] = []
  const report = (key: TomlPath, message: string, hint: string): void =>
    void problems.push({ ...config.position(key), key: formatTomlPath(key), message, hint })
  const declared = declareGroups(config, graph, { section: 'multi', groups: multi.groups ?? [], report })
  const listeners = graph.components.flatMap((component) => component.listeners)
  for (const [name, { address }] of Object.entries(multi.listeners ?? {})) {
    const at = ['multi', 'listeners', name]
    if (!listeners.includes(name)) report(at, `the application has no listener "${name}"`, unknownNameHint(name, listeners))
    if (address !== undefined && parseAddress(address) === undefined)
      report([...at, 'address'], `"${address}" is not an address`, 'write it as "localhost:8080", with port 0 for any free one')
  }
  if (problems.length > 0) throw configInvalid(config.file, problems)
  return {
    groups: processGroups(declared, graph, multi.replicas),
    addresses: Object.fromEntries(listeners.map((name) => [name, multi.listeners?.[name]?.address])),
  }
}
