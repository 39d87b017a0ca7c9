// Removes what runs applications from a cluster, in the only order that loses nothing by accident:
// applications, operator, broker, kind. Deleting an application takes an operator, which needs the
// broker; so each part goes when nothing needs it any more.
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FINALIZER, type WeaverApp } from '@weaver/crds'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { uninstallRelease } from '../../deployers/kube/helm.js'
import { deleteBrokerLeftovers, deleteCrd, findInstallation, type Installation, type Part } from '../../deployers/kube/installation.js'
import type { KubeClient } from '../../deployers/kube/kube-client.js'
import { absenceLine, operatorPresence, type OperatorPresence } from '../../deployers/kube/operator-presence.js'
import { clearFinalizer, deleteApp, getApp, listApps } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { confirm, YES_FLAG, type ConfirmFlags } from '../local/confirm.js'
import { formatSeconds, formatTable } from '../../print/table.js'
import { connect, parseTimeout } from '../kube/flags.js'

interface UninstallFlags extends ConfirmFlags {
  readonly deleteApps?: true
  readonly force?: true
  readonly all?: true
  readonly dryRun?: true
  readonly timeout: string
  readonly json?: true
  readonly kubeconfig?: string
  readonly context?: string
}
interface Found extends Installation {
  readonly apps: readonly WeaverApp[]
  readonly presence: OperatorPresence
}

export function uninstallCommand(context: CliContext): Command {
  return new Command('uninstall')
    .description('remove the operator from a cluster: shows what runs, then removes applications, operator, broker and kind in this order')
    .option('--delete-apps', 'delete all applications first; their traffic ends')
    .option(
      '--force',
      'proceed although applications exist: they keep serving without an operator; with --delete-apps, also delete those that no operator can release',
    )
    .option('--all', 'also the broker with its keys and volumes, and the kind WeaverApp; only when no application is left')
    .option('--dry-run', 'only show what there is and what would be done')
    .option(...YES_FLAG)
    .option('--timeout <duration>', 'how long each part may take to go; then exit code 124', '5m')
    .option('--json', 'print JSON')
    .option('--kubeconfig <file>', 'kubeconfig (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .action(async (flags: UninstallFlags) => {
      const timeoutMs = parseTimeout(flags.timeout)
      const client = await connect(context, flags)
      const installation = await findInstallation(client)
      const apps = installation.hasCrd ? await listApps(client, undefined) : []
      const found: Found = { ...installation, apps, presence: await operatorPresence(client) }
      const steps = planUninstall(found, flags)
      show(context, found, steps, flags)
      if (flags.dryRun === true || steps.length === 0) return
      const refusal = refusalOf(found, flags)
      if (refusal !== undefined) throw cliError('WEAVER_CLI_APPS_LEFT', refusal)
      await confirm(context, `Do these ${steps.length} steps on "${client.server}"?`, flags)
      const helm = {
        env: context.env,
        timeoutMs,
        ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(context.cwd, flags.kubeconfig) }),
        ...(flags.context === undefined ? {} : { context: flags.context }),
      }
      for (const step of steps) {
        context.output.progress(`${step.text} ...`)
        if (step.kind === 'app') await removeApp(client, step.app, { timeoutMs, isForced: flags.force === true && !hasOperator(found) })
        else if (step.kind === 'part') await uninstallRelease(step.part, helm)
        else if (step.kind === 'leftovers')
          for (const { what, keptBecause } of await deleteBrokerLeftovers(client, step.part))
            context.output.progress(keptBecause === undefined ? `deleted ${what}` : `kept ${what}: ${keptBecause}`)
        else await deleteCrd(client)
      }
      if (flags.json === true) context.output.json({ done: steps.map(({ text }) => text) })
      else context.output.result(lastWords(found, flags))
    })
}

export type Step =
  | { readonly kind: 'app'; readonly text: string; readonly app: WeaverApp }
  | { readonly kind: 'part'; readonly text: string; readonly part: Part }
  | { readonly kind: 'leftovers'; readonly text: string; readonly part: Part }
  | { readonly kind: 'crd'; readonly text: string }

/** The steps, in order. */
function planUninstall(found: Found, flags: Pick<UninstallFlags, 'deleteApps' | 'all'>): readonly Step[] {
  const steps: Step[] = []
  if (flags.deleteApps === true) for (const app of found.apps) steps.push({ kind: 'app', text: `delete application "${nameOf(app)}"`, app })
  const releases = new Set<string>()
  const uninstall = (part: Part): void => {
    const release = `${part.namespace}/${part.release ?? part.name}`
    if (!releases.has(release))
      steps.push({ kind: 'part', text: `uninstall ${part.kind} "${part.namespace}/${part.name}" (release "${part.release ?? '?'}")`, part })
    releases.add(release)
  }
  found.operators.forEach(uninstall)
  if (flags.all !== true) return steps
  for (const part of found.brokers) {
    uninstall(part)
    steps.push({ kind: 'leftovers', text: `delete keys and volumes of broker "${part.namespace}/${part.name}"`, part })
  }
  if (found.hasCrd) steps.push({ kind: 'crd', text: 'delete the kind WeaverApp' })
  return steps
}

const hasOperator = ({ presence, operators }: Pick<Found, 'presence' | 'operators'>): boolean =>
  presence.kind === 'unknown' ? operators.some(({ isReady }) => isReady) : presence.kind === 'present'

/** Why it must not be done, if so. */
function refusalOf(found: Found, flags: Pick<UninstallFlags, 'deleteApps' | 'force' | 'all'>): string | undefined {
  const { apps } = found
  if (apps.length === 0) return undefined
  const some = `${apps.length === 1 ? 'an application exists' : `${apps.length} applications exist`} (${apps.slice(0, 5).map(nameOf).join(', ')}${apps.length > 5 ? ', …' : ''})`
  if (flags.deleteApps === true)
    return hasOperator(found) || flags.force === true
      ? undefined
      : `${some}, and there is no operator to release them: a deletion would wait forever. Install the operator again, or give --force: Kubernetes then deletes their objects, and their accounts stay on the broker`
  const shared = found.brokers.find((broker) =>
    found.operators.some(({ release, namespace }) => release !== undefined && release === broker.release && namespace === broker.namespace),
  )
  if (shared !== undefined)
    return `${some}, and release "${shared.release ?? ''}" holds their broker "${shared.namespace}/${shared.name}" as well: its end would be the end of every call. Hand the broker over first (docs/operating.md, "From one release to two"), or give --delete-apps`
  if (flags.all === true) return `${some}, and none may be left for --all: they need the broker and the kind. Give --delete-apps as well`
  if (flags.force === true) return undefined
  return `${some}. Give --delete-apps to delete them first, or --force to leave them: they serve on, but nothing is rolled out, repaired or deleted without an operator`
}

const nameOf = ({ metadata }: WeaverApp): string => `${metadata.namespace ?? ''}/${metadata.name}`

function show({ output }: CliContext, found: Found, steps: readonly Step[], flags: UninstallFlags): void {
  if (flags.json === true) {
    if (flags.dryRun === true || steps.length === 0)
      output.json({
        apps: found.apps.map((app) => ({ name: nameOf(app), phase: app.status?.phase ?? 'Pending' })),
        operators: found.operators,
        brokers: found.brokers,
        hasCrd: found.hasCrd,
        steps: steps.map(({ text }) => text),
      })
    return
  }
  const rows = [
    ...found.apps.map((app) => ['application', nameOf(app), app.status?.phase ?? 'Pending', '']),
    ...[...found.operators, ...found.brokers].map((part) => [
      part.kind,
      `${part.namespace}/${part.name}`,
      part.ready,
      part.release === undefined ? 'not installed by Helm' : `release ${part.release}`,
    ]),
    ...(found.hasCrd ? [['kind', 'weaverapps.weaver.dev', '', '']] : []),
  ]
  if (rows.length === 0) output.result('nothing of Weaver is on this cluster')
  else output.result([...formatTable([['PART', 'NAME', 'STATE', 'FROM'], ...rows]), '', ...stepLines(steps)].join('\n'))
  const absence = absenceLine(found.presence)
  if (absence !== undefined && found.apps.length > 0) output.warn(absence)
}

const stepLines = (steps: readonly Step[]): readonly string[] =>
  steps.length === 0
    ? ['no operator to remove; --all is for the broker and the kind']
    : ['in this order:', ...steps.map(({ text }, index) => `  ${index + 1}. ${text}`)]

async function removeApp(
  client: KubeClient,
  { metadata }: WeaverApp,
  options: { readonly timeoutMs: number; readonly isForced: boolean },
): Promise<void> {
  const app = { namespace: metadata.namespace ?? '', name: metadata.name }
  const started = performance.now()
  await deleteApp(client, app)
  if (options.isForced) await clearFinalizer(client, app, FINALIZER)
  while ((await getApp(client, app)) !== undefined) {
    if (performance.now() - started > options.timeoutMs)
      throw cliError(
        'WEAVER_CLI_TIMEOUT',
        `"${app.namespace}/${app.name}" is still being removed after ${formatSeconds(options.timeoutMs)}; nothing else was done`,
      )
    await sleep(300)
  }
}

function lastWords(found: Found, flags: UninstallFlags): string {
  if (flags.all === true) return 'nothing of Weaver is left on this cluster'
  const broker = found.brokers.length === 0 ? '' : ' The broker runs on; --all removes it as well.'
  return flags.deleteApps === true || found.apps.length === 0
    ? `the operator is gone.${broker}`
    : `the operator is gone; ${found.apps.length === 1 ? 'the application serves' : `${found.apps.length} applications serve`} on.${broker}`
}
