import type { VersionStatus, WeaverApp } from '@weaver/crds'
import type { Style } from '../../print/output.js'
import { formatAge, formatSeconds, formatTable } from '../../print/table.js'
import type { Pod } from './pod.js'
import { linesUnder } from './version-tree.js'

/**
 * The state of one app on a terminal, which `kube deploy` and `kube status --watch` redraw.
 * @param pods of the app; absent: what lies under its versions is left out
 */
export function appLines(app: WeaverApp, style: Style, pods?: readonly Pod[]): readonly string[] {
  const status = app.status ?? {}
  const facts = [
    colourPhase(status.phase ?? 'Pending', style),
    ...(status.step === undefined ? [] : [`step ${status.step}`]),
    ...(status.weight === undefined ? [] : [`weight ${status.weight} % (observed/desired)`]),
    ...(status.next === undefined ? [] : [`next ${status.next}`]),
  ]
  const versions = status.versions ?? []
  const [head = '', ...rows] = formatTable([
    ['  VERSION', 'ROLE', 'PHASE', 'READY', 'OBSERVED', 'DESIRED', 'IN FLIGHT'],
    ...versions.map((v) => versionRow(v, status)),
  ])
  const under = (v: VersionStatus | undefined): readonly string[] =>
    v === undefined || pods === undefined ? [] : linesUnder(v, pods, style)
  return [
    `${style.bold(`${app.metadata.namespace}/${app.metadata.name}`)}  ${facts.join('  ')}`,
    ...(versions.length === 0 ? [] : [head, ...rows.flatMap((row, i) => [row, ...under(versions[i])])]),
    ...(status.waitingFor === undefined ? [] : [`  waiting for ${status.waitingFor}`]),
  ]
}

type Status = NonNullable<WeaverApp['status']>
function versionRow(version: VersionStatus, status: Status): readonly string[] {
  const role = version.id === status.active ? 'active' : version.id === status.preview ? 'preview' : 'old'
  const observed = version.weightObserved === undefined ? '?' : `${Math.round(version.weightObserved * 10) / 10} %`
  return [
    `  ${version.id}`,
    role,
    version.phase,
    version.ready,
    observed,
    `${version.weightDesired} %`,
    version.inFlight === undefined ? '?' : String(version.inFlight),
  ]
}

/** The state in one line that changes when there is news; for logs of a pipeline. */
export function appLine(app: WeaverApp): string {
  const status = app.status ?? {}
  return [
    status.phase ?? 'Pending',
    ...(status.active === undefined ? [] : [`active ${status.active}`]),
    ...(status.preview === undefined ? [] : [`preview ${status.preview}`]),
    ...(status.preview === undefined || status.weight === undefined ? [] : [`weight ${status.weight}`]),
    ...(status.step === undefined ? [] : [`step ${status.step}`]),
    ...(status.waitingFor === undefined ? [] : [`waiting for ${status.waitingFor}`]),
  ].join(', ')
}

/** As `kubectl get weaverapps` prints them. */
export function appsTable(
  apps: readonly WeaverApp[],
  options: { readonly hasNamespace: boolean; readonly now: number; readonly style: Style },
): readonly string[] {
  const { hasNamespace, now, style } = options
  return formatTable([
    [...(hasNamespace ? ['NAMESPACE'] : []), 'NAME', 'READY', 'PHASE', 'ACTIVE', 'PREVIEW', 'WEIGHT', 'STEP', 'AGE'],
    ...apps.map(({ metadata, status = {} }) => [
      ...(hasNamespace ? [metadata.namespace] : []),
      metadata.name,
      status.ready ?? '-',
      colourPhase(status.phase ?? 'Pending', style),
      status.active ?? '-',
      status.preview ?? '-',
      status.weight ?? '-',
      status.step ?? '-',
      formatAge(now - Date.parse(metadata.creationTimestamp)),
    ]),
  ])
}

/** All that `kube status NAME` prints. */
export function appDetails(
  app: WeaverApp,
  options: { readonly now: number; readonly style: Style; readonly pods: readonly Pod[] | undefined },
): readonly string[] {
  const { status } = app
  const { style, now, pods } = options
  const lines = [...appLines(app, style, pods), '', `  image ${status?.image ?? app.spec.image}`]
  if (status?.observedGeneration !== app.metadata.generation)
    lines.push(
      `  ${style.yellow('the operator has not seen the last change yet')} (generation ${app.metadata.generation}, seen ${status?.observedGeneration ?? 'none'})`,
    )
  if ((status?.conditions?.length ?? 0) > 0)
    lines.push(
      '',
      ...formatTable([
        ['  CONDITION', 'STATUS', 'REASON', 'MESSAGE'],
        ...(status?.conditions ?? []).map((c) => [`  ${c.type}`, c.status, c.reason, c.message]),
      ]),
    )
  const schedule = status?.schedule ?? []
  if (status?.preview !== undefined && schedule.length > 0)
    lines.push(
      '',
      '  SCHEDULE',
      ...schedule.map(
        (s) =>
          `  ${s.at}  ${String(s.weight).padStart(3)} %${Date.parse(s.at) <= now ? ' (due)' : ` in ${formatSeconds(Date.parse(s.at) - now)}`}`,
      ),
    )
  const history = (status?.history ?? []).slice(-8)
  if (history.length > 0)
    lines.push(
      '',
      ...formatTable([
        ['  AGE', 'EVENT', 'VERSION', 'MESSAGE'],
        ...history.map((h) => [`  ${formatAge(now - Date.parse(h.at))}`, h.event, h.version ?? '-', h.message]),
      ]),
    )
  return lines
}

function colourPhase(phase: string, style: Style): string {
  if (phase === 'Ready') return style.green(phase)
  return phase === 'Failed' || phase === 'Degraded' ? style.red(phase) : style.yellow(phase)
}
