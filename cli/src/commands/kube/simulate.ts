import type { CliContext } from '../../context.js'
import type { Course, Fault, Moment, RolloutSimulation, Write } from '../../deployers/kube/simulate-rollout.js'
import { cliError } from '../../errors/catalogue.js'
import type { Style } from '../../print/output.js'
import { formatSeconds, formatTable } from '../../print/table.js'

/** `GROUP@STEP` of `--fail`. @throws WeaverError `WEAVER_CLI_USAGE` */
export function parseFault(text: string): Fault {
  const [, group, step] = /^(.+)@(\d{1,3})$/.exec(text) ?? []
  if (group === undefined)
    throw cliError(
      'WEAVER_CLI_USAGE',
      `--fail "${text}" is not GROUP@STEP; write it as cart@2, or cart@0 for a version that never gets ready`,
    )
  return { group, step: Number(step) }
}

export function printSimulation(
  { output }: CliContext,
  simulation: RolloutSimulation,
  { name, namespace, isJson }: { readonly name: string; readonly namespace: string; readonly isJson: boolean },
): void {
  if (isJson) return output.json({ name, namespace, ...simulation })
  const { version, active, assumed, measured, undisturbed, faults } = simulation
  const beside = active === undefined ? 'as the first one' : `beside version ${active}`
  const lines = [
    `${namespace}/${name}: version ${version} ${beside}, simulated; nothing is written`,
    `  assumed: it is ready after ${formatSeconds(assumed.startMs)}${measured === undefined ? '' : ` (as version ${measured} was)`}, proxies follow within ${formatSeconds(assumed.trafficMs)}, requests end within ${formatSeconds(assumed.requestMs)}`,
    '',
    ...momentLines(undisturbed.moments, version, output.style),
    '',
    ...summaryLines(undisturbed),
  ]
  for (const { group, step, ...course } of faults) {
    const struck = course.moments.findIndex(({ happened }) => happened.some(({ kind }) => kind === 'died'))
    const when = step === 0 ? 'never gets ready' : `dies at step ${step}`
    lines.push('', output.style.bold(`if group ${group} ${when}:`))
    if (struck < 0) lines.push('  that step is not reached')
    else lines.push(...momentLines(course.moments.slice(struck), version, output.style), '', ...summaryLines(course))
  }
  output.result(lines.join('\n'))
}

function momentLines(moments: readonly Moment[], version: string, style: Style): readonly string[] {
  const rows = moments.flatMap((moment) => {
    const { atMs, weights, pods, cpu } = moment
    const facts = [`  ${formatSeconds(atMs)}`, `${weights[version] ?? 0} %`, String(pods), String(cpu)]
    return whatHappens(moment, style).map((line, i) => [...(i === 0 ? facts : ['', '', '', '']), line])
  })
  return formatTable([['  TIME', 'WEIGHT', 'PODS', 'CPU', 'WHAT'], ...rows])
}

function whatHappens({ happened, events, writes }: Moment, style: Style): readonly string[] {
  const told = happened.flatMap((one) => {
    switch (one.kind) {
      case 'ready':
        return [`version "${one.version}" is ready`]
      case 'died':
        return [style.red(`no replica of group "${one.group}" of version "${one.version}" works any more`)]
      case 'promoted':
        return ['somebody promotes it; the time that takes is left out']
      case 'traffic':
        return ['the weights are in force']
      case 'quiet':
        return []
    }
  })
  return [...told, ...events.map(({ message }) => message), ...writes.map((write) => style.dim(inWords(write)))]
}

function inWords({ verb, objects }: Write): string {
  switch (verb) {
    case 'status':
      return 'writes the status'
    case 'proxies':
      return 'gives the proxies versions and weights'
    case 'create':
      return `creates ${byKind(objects)}`
    case 'delete':
      return `deletes ${byKind(objects)}`
    case 'retire':
      return `marks ${byKind(objects)} as retired`
  }
}

function byKind(objects: Write['objects']): string {
  const kinds = [...new Set(objects.map(({ kind }) => kind))]
  const namesOf = (wanted: string) => objects.filter(({ kind }) => kind === wanted).map(({ name }) => name)
  return kinds.map((kind) => `${kind} ${namesOf(kind).join(', ')}`).join('; ')
}

function summaryLines({ moments, peak, end }: Course): readonly string[] {
  const writes = moments.flatMap((moment) => moment.writes)
  const count = (verb: Write['verb']) => writes.filter((write) => write.verb === verb).reduce((sum, { objects }) => sum + objects.length, 0)
  const counts = (['status', 'create', 'delete', 'retire'] as const).map((verb) => `${count(verb)} ${verb}`).join(', ')
  const total = writes.reduce((sum, { objects }) => sum + objects.length, 0)
  const { waitingFor, active = '(none)' } = end
  return [
    `  peak    ${peak.pods} pods that request ${peak.cpu} CPU`,
    `  writes  ${total} (${counts}), and ${writes.filter(({ verb }) => verb === 'proxies').length} times other weights or versions for the proxies`,
    `  end     ${end.phase} after ${formatSeconds(end.atMs)}, version ${active} is active${waitingFor === undefined ? '' : `; waiting for ${waitingFor}`}`,
  ]
}
