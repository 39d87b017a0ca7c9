/** Who gets which share of the requests for a host. Pure. */
import type { Affinity, Backend, Route } from '@weaver/proxy'
import { shortDeploymentId } from '@weaver/sdk/contract'
import type { ExportedListener } from './version-spec.js'

/** A version in a region, as traffic sees it. */
export interface TrafficVersion {
  readonly id: string
  /** Percent of the traffic of its region. A version that is named with 0 finishes what it has. */
  readonly weight: number
  readonly listeners: readonly ExportedListener[]
  /** By listener. */
  readonly backends: Readonly<Record<string, readonly Backend[]>>
  readonly affinity?: Affinity
}

export interface TrafficRegion {
  readonly app: string
  readonly region: string
  /** Oldest first. */
  readonly versions: readonly TrafficVersion[]
}

/** Percent by version, by region, by application: what the engine asks for and looks for. */
export type Shares = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>

export interface TrafficPlan {
  readonly shares: Shares
  readonly routes: readonly Route[]
}

/** Names a version in a region among the targets of a route. */
export function targetOf(region: string, version: string): string {
  return `${region}/${version}`
}

/**
 * Hosts are apart from each other. The regions that have a host share its requests equally; in each
 * the newest version with the host has its weight, and the oldest one also what versions without
 * that host leave over, as in Service Weaver.
 */
export function planTraffic(regions: readonly TrafficRegion[]): TrafficPlan {
  const shares: Record<string, Record<string, Record<string, number>>> = {}
  for (const { app, region, versions } of regions)
    (shares[app] ??= {})[region] = Object.fromEntries(versions.map(({ id, weight }) => [id, weight]))
  const hosts = [
    ...new Set(regions.flatMap(({ versions }) => versions.flatMap(({ listeners }) => listeners.map(({ host }) => host)))),
  ].sort()
  return {
    shares,
    routes: hosts.map((host) => {
      const affinity = affinityOf(host, regions)
      return { host, targets: regions.flatMap((region) => targetsOf(host, region)), ...(affinity === undefined ? {} : { affinity }) }
    }),
  }
}

/** That of the newest version with the host in the last region, where a rollout arrives last. */
function affinityOf(host: string, regions: readonly TrafficRegion[]): Affinity | undefined {
  return regions.flatMap(({ versions }) => versions).findLast(({ listeners }) => listeners.some((one) => one.host === host))?.affinity
}

function targetsOf(host: string, { region, versions }: TrafficRegion): Route['targets'] {
  const exporters = versions.flatMap((version) => {
    const listener = version.listeners.find((one) => one.host === host)
    return listener === undefined ? [] : [{ ...version, backendsOfHost: version.backends[listener.name] ?? [] }]
  })
  const left = 100 - exporters.reduce((sum, { weight }) => sum + weight, 0)
  const oldest = exporters.find(({ weight }) => weight > 0)
  return exporters.map((version) => ({
    id: targetOf(region, version.id),
    version: shortDeploymentId(version.id),
    weight: version.weight + (version === oldest ? left : 0),
    backends: version.backendsOfHost,
  }))
}
