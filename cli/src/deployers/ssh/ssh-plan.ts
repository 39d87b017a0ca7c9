/** What `weaver ssh` runs of an application, and where. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configInvalid, formatTomlPath, type ConfigProblem } from '../../config/config-problem.js'
import { listenersOf } from '../../config/listener-problems.js'
import type { WeaverToml } from '../../config/load-config.js'
import { declareSection, processGroups, type ProcessGroup } from '../local/process-groups.js'

export interface Location {
  /** As ssh takes it. */
  readonly host: string
  readonly address?: string | undefined
}

export interface SshPlan {
  readonly groups: readonly ProcessGroup[]
  readonly addresses: Readonly<Record<string, string | undefined>>
  readonly locations: readonly Location[]
}

/** Names that the application does not have, and components in two groups. */
export function sshProblems(config: WeaverToml, graph: ComponentGraph): readonly ConfigProblem[] {
  return declareSection('ssh', config, graph).problems
}

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` */
export function planSsh(config: WeaverToml, graph: ComponentGraph): SshPlan {
  const { ssh } = config
  const { declared, problems } = declareSection('ssh', config, graph)
  const { locations, problem } = readLocations(config)
  const all = [...problems, ...problem]
  if (all.length > 0) throw configInvalid(config.file, all)
  return {
    groups: processGroups(declared, graph, ssh.replicas ?? locations.length),
    addresses: Object.fromEntries(listenersOf(graph).map((name) => [name, ssh.listeners?.[name]?.address])),
    locations,
  }
}

/** As in Service Weaver a file with a host in each line; or the list itself. */
function readLocations(config: WeaverToml): { readonly locations: readonly Location[]; readonly problem: readonly ConfigProblem[] } {
  const { locations: given } = config.ssh
  const at = ['ssh', 'locations']
  const wrong = (message: string, hint: string) => ({
    locations: [],
    problem: [{ ...config.position(at), key: formatTomlPath(at), message, hint }],
  })
  if (given === undefined) return wrong('is not there', 'name the machines: locations = ["ada@build-1", "build-2"]')
  let locations: readonly Location[]
  if (typeof given === 'string')
    try {
      const lines = readFileSync(resolve(config.folder, given), 'utf8').split('\n')
      locations = lines.map((line) => ({ host: line.replace(/#.*/, '').trim() })).filter(({ host }) => host !== '')
    } catch (error) {
      return wrong(`the file "${given}" cannot be read: ${(error as Error).message}`, 'give a file with a host in each line, or a list') // what fs throws
    }
  else locations = given.map((one) => (typeof one === 'string' ? { host: one } : one))
  if (locations.length === 0) return wrong('names no machine', 'name at least one')
  const twice = locations.find(({ host }, i) => locations.findIndex((one) => one.host === host) < i)
  if (twice !== undefined) return wrong(`names "${twice.host}" twice`, 'name each machine once')
  return { locations, problem: [] }
}
