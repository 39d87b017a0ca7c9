/** The four tables of `weaver gke-local status`, with Service Weaver's columns. */
import { shortDeploymentId } from '@weaver/sdk/contract'
import type { AppView, PlatformView, VersionView } from '../../deployers/gke-local/platform-view.js'
import type { ProjectedRow } from '../../deployers/gke-local/projection.js'
import { formatAge, formatTable } from '../../print/table.js'

export function statusTables({ apps }: PlatformView, now: number): readonly string[] {
  const rows = (of: (app: AppView, version: VersionView) => readonly (readonly string[])[]): readonly (readonly string[])[] =>
    apps.flatMap((app) => app.versions.flatMap((version) => of(app, version)))
  const deployments = rows(({ app }, { deploymentId, submittedAt, status }) => [
    [app, deploymentId, formatAge(now - Date.parse(submittedAt)), status],
  ])
  const components = rows(({ app }, { deploymentId, copies }) =>
    Object.entries(copies).flatMap(([location, { groups }]) =>
      groups.flatMap((group) =>
        group.components.map((component) => [
          app,
          shortDeploymentId(deploymentId),
          location,
          component,
          `${group.replicas.filter(({ state }) => state === 'ready').length}/${group.replicas.length}`,
        ]),
      ),
    ),
  )
  const traffic = apps.flatMap(({ app, traffic: shares }) =>
    shares.map(({ host, isPublic, deploymentId, location, address, fraction }) => [
      host,
      isPublic ? 'public' : 'private',
      app,
      shortDeploymentId(deploymentId),
      location,
      address,
      shown(fraction),
    ]),
  )
  return [
    'DEPLOYMENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'AGE', 'STATUS'], ...deployments]),
    '',
    'COMPONENTS',
    ...formatTable([['APP', 'DEPLOYMENT', 'LOCATION', 'COMPONENT', 'HEALTHY'], ...components]),
    '',
    'TRAFFIC',
    ...formatTable([['HOST', 'VISIBILITY', 'APP', 'DEPLOYMENT', 'LOCATION', 'ADDRESS', 'TRAFFIC FRACTION'], ...traffic]),
    ...apps.flatMap(rolloutOf),
  ]
}

function rolloutOf({ app, rollout }: AppView): readonly string[] {
  const { projected, failure, isPaused, regions } = rollout
  const table = projected.length === 0 ? [] : [`ROLLOUT OF ${app}`, ...rolloutTable(projected)]
  const waits = Object.entries(regions).flatMap(([region, { phase, waitingFor }]) =>
    waitingFor === undefined ? [] : [`${region}: ${phase}, waiting for ${waitingFor}`],
  )
  const failed = failure === undefined ? [] : [`given up in ${failure.region}: ${failure.message}`]
  const lines = [...table, ...(isPaused ? ['paused; `weaver gke-local resume` goes on'] : []), ...waits, ...failed]
  return lines.length === 0 ? [] : ['', ...(table.length > 0 ? [] : [`${app}:`]), ...lines]
}

/** A row for each change, a column for each region and version. */
export function rolloutTable(rows: readonly ProjectedRow[]): readonly string[] {
  const columns: { readonly region: string; readonly version: string }[] = []
  for (const { fractions } of rows)
    for (const [region, byVersion] of Object.entries(fractions))
      for (const version of Object.keys(byVersion))
        if (!columns.some((one) => one.region === region && one.version === version)) columns.push({ region, version })
  const order = columns.map(({ region }) => region) // the canary first
  columns.sort((a, b) => order.indexOf(a.region) - order.indexOf(b.region))
  return formatTable([
    ['TIME', ...columns.map(({ region, version }) => `${region} ${shortDeploymentId(version)}`)],
    ...rows.map(({ at, fractions }) => [
      new Date(at).toTimeString().slice(0, 8),
      ...columns.map(({ region, version }) => (fractions[region]?.[version] ?? 0).toFixed(2)),
    ]),
  ])
}

function shown(fraction: number): string {
  return String(Number(fraction.toFixed(3)))
}
