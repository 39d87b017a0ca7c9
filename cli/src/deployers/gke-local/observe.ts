/** What the platform sees of a version in a region, as the rollout engine wants it. Pure. */
import type { ObservedVersion } from '@weaver/rollout'
import type { BalancerState } from './load-balancer.js'
import { targetOf } from './traffic-plan.js'
import type { HostView } from './version-host.js'
import type { VersionSpec } from './version-spec.js'

/** A copy of a version, in one region. */
export interface Copy {
  readonly spec: VersionSpec
  readonly region: string
  /** `undefined`: its host is not there. */
  readonly host: HostView | undefined
  /** Why its host is not there, or was not before it had the first process. */
  readonly lost?: string | undefined
}

/** @param balancer `undefined`: it is not there, so nobody knows who has which traffic */
export function observeCopy({ spec, region, host, lost }: Copy, balancer: BalancerState | undefined): ObservedVersion {
  const { app, deploymentId: id } = spec
  const blame = blameOf({ spec, region, host, lost })
  const isServed = spec.listeners.every(({ name }) => (host?.backends[name]?.length ?? 0) > 0)
  const groups = host?.view.groups ?? []
  const has = (isEnough: (ready: number, wanted: number) => boolean): boolean =>
    host !== undefined &&
    isServed &&
    spec.groups.every(({ name, replicas }) => {
      const found = groups.find((group) => group.name === name)
      return isEnough(found?.replicas.filter(({ state }) => state === 'ready').length ?? 0, replicas)
    })
  return {
    id,
    ready: has((ready, wanted) => ready >= wanted),
    servable: has((ready) => ready > 0),
    ...(blame === undefined ? {} : { blame }),
    ...(balancer === undefined ? {} : inTraffic(balancer, { app, region, id })),
    released: balancer !== undefined && balancer.shares[app]?.[region]?.[id] === undefined,
  }
}

function inTraffic(
  { shares, stats }: BalancerState,
  { app, region, id }: { readonly app: string; readonly region: string; readonly id: string },
): Pick<ObservedVersion, 'weightObserved' | 'inFlight'> {
  const target = targetOf(region, id)
  const inFlight = stats.routes.flatMap(({ targets }) => targets).reduce((sum, one) => sum + (one.id === target ? one.inFlight : 0), 0)
  return { weightObserved: shares[app]?.[region]?.[id] ?? 0, inFlight }
}

/** Why a copy is not ready: the process that is not, and why its last one ended. */
export function blameOf({ spec, region, host, lost }: Copy): string | undefined {
  const where = `in ${region}`
  if (lost !== undefined) return `its host ${where} is not there: ${lost}`
  if (host === undefined) return `its host ${where} is starting`
  if (host.problem !== undefined) return `${where}: ${host.problem}`
  for (const { name, replicas } of host.view.groups)
    for (const { replica, state, lastDeath, restarts } of replicas) {
      if (state === 'ready') continue
      const who = `process ${replica} of group "${name}" ${where}`
      if (lastDeath === undefined) return `${who} is ${state}`
      const last = lastDeath.lines.at(-1)
      return `${who} ${lastDeath.cause}${restarts > 1 ? `, ${restarts} times` : ''}${last === undefined ? '' : `; its last words: ${last}`}`
    }
  const dumb = spec.listeners.find(({ name }) => (host.backends[name]?.length ?? 0) === 0)
  return dumb === undefined ? undefined : `nobody serves listener "${dumb.name}" ${where}`
}
