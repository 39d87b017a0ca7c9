import { isSameVersion, parseWeaverAppSpec, versionIdOf, type WeaverApp, type WeaverAppSpec } from '@weaver/crds'
import { GRAPH_FILE, type ComponentGraph } from '@weaver/sdk/contract'
import { Command, Option } from 'commander'
import { applicationName } from '../../config/load-config.js'
import { buildWeaverApp, type WeaverAppManifest } from '../../config/weaver-app-manifest.js'
import type { CliContext } from '../../context.js'
import { followRollout, type RolloutTimes } from '../../deployers/kube/follow-rollout.js'
import { imageRepository } from '../../deployers/kube/image-name.js'
import { checkBuilt, describeRelease, loadRelease, type Release } from '../../deployers/kube/load-release.js'
import { simulateRollout } from '../../deployers/kube/simulate-rollout.js'
import { applyApp, checkCluster, getApp } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { ENGINES, type Engine } from '../../image/container-engine.js'
import { DEFAULT_BASE_IMAGE, makeImage } from '../../image/make-image.js'
import { parseReference } from '../../image/reference.js'
import { resolveTag } from '../../image/resolve-tag.js'
import { confirm, type ConfirmFlags } from '../local/confirm.js'
import { formatSeconds } from '../../print/table.js'
import { collect } from '../collect.js'
import { connect, parseTimeout, withClusterFlags, type ClusterFlags } from './flags.js'
import { parseFault, printSimulation } from './simulate.js'

interface DeployFlags extends ClusterFlags, ConfirmFlags {
  readonly detach?: true
  readonly build: boolean
  readonly image?: string
  readonly resolve?: true
  readonly repo?: string
  readonly tag?: string
  readonly baseImage?: string
  readonly engine?: 'auto' | 'none' | Engine
  readonly platform?: readonly string[]
  readonly insecureRegistry?: readonly string[]
  readonly force: boolean
  readonly timeout?: string
  readonly json?: true
  readonly simulate?: true
  readonly fail?: readonly string[]
}

export function deployCommand(context: CliContext): Command {
  const command = new Command('deploy')
    .description('build and push the image, apply a WeaverApp, and follow its rollout until it serves all traffic')
    .argument('<weaver.toml>', 'configuration of the application')
    .option('--detach', 'do not follow the rollout')
    .option('--no-build', 'deploy the image given by --image as it is')
    .option('--image <reference>', 'image to deploy, with --no-build')
    .option('--resolve', 'with --no-build: deploy the digest that the tag names now, so that a tag pushed again makes a new version')
    .option('--repo <prefix>', 'registry and path to push to (default: kube.repo, else $WEAVER_KUBE_REPO, else $WEAVER_REGISTRY)')
    .option('--tag <tag>', 'tag of the image (default: made from its content)')
    .option('--base-image <reference>', `base of the image (default: kube.base_image, else $WEAVER_BASE_IMAGE, else ${DEFAULT_BASE_IMAGE})`)
    .addOption(
      new Option(
        '--engine <name>',
        'what builds: an engine, "none" (weaver itself), or "auto" (default: kube.build.engine, else "auto")',
      ).choices(['auto', ...ENGINES, 'none']),
    )
    .option('--platform <os/arch>', 'platform to build for; may be repeated', collect)
    .option(
      '--insecure-registry <host>',
      'registry to be spoken to by plain HTTP, as those on loopback always are; may be repeated',
      collect,
    )
    .option('--no-force', 'leave fields of the WeaverApp that another tool has set (such as kubectl) as they are, and fail')
    .option('--timeout <duration>', 'stop following after this time, with exit code 124; the rollout goes on')
    .option('-y, --yes', 'do not ask, even when another rollout is under way')
    .option('--json', 'print a summary as JSON at the end')
    .option('--simulate', 'build and write nothing: print how the rollout would go, from what is on the cluster now')
    .option(
      '--fail <group@step>',
      'with --simulate: also print what happens if that group of the new version dies in that step, 0 for its start; may be repeated',
      collect,
    )
  return withClusterFlags(command).action((file: string, flags: DeployFlags) => deploy(context, file, flags))
}

/** The output of `--json`; times in milliseconds since the command started. */
interface DeploySummary {
  readonly name: string
  readonly namespace: string
  readonly generation: number
  readonly version: string
  readonly image: string
  readonly changed: boolean
  readonly outcome: 'ready' | 'detached'
  readonly times: RolloutTimes & { readonly image?: number; readonly applied: number }
}

async function deploy(context: CliContext, file: string, flags: DeployFlags): Promise<void> {
  const started = performance.now()
  const { output } = context
  if (!flags.build && flags.image === undefined)
    throw cliError('WEAVER_CLI_USAGE', '--no-build deploys an image that is there already; name it with --image')
  if (flags.build && flags.image !== undefined)
    throw cliError(
      'WEAVER_CLI_USAGE',
      '--image names an image that is there already; add --no-build, or name the place to push to with --repo and --tag',
    )
  if (flags.image !== undefined) parseReference(flags.image)
  if (flags.build && flags.resolve === true)
    throw cliError(
      'WEAVER_CLI_USAGE',
      '--resolve is for an image that is there already; an image that is built is deployed by its digest anyway',
    )
  if (flags.fail !== undefined && flags.simulate !== true)
    throw cliError('WEAVER_CLI_USAGE', '--fail says what is to be simulated; add --simulate')
  const faults = (flags.fail ?? []).map(parseFault)
  const timeoutMs = flags.timeout === undefined ? undefined : parseTimeout(flags.timeout)
  const loaded = await loadRelease(file, context.cwd)
  if (flags.build) await checkBuilt(loaded, context.cwd)
  const release = flags.build ? await describeRelease(loaded, { env: context.env, onWarning: (line) => output.warn(line) }) : loaded
  const name = applicationName(release.config, release.packageName)
  const repository =
    flags.build && flags.simulate !== true
      ? imageRepository(release.config, { name, env: context.env, ...(flags.repo === undefined ? {} : { repo: flags.repo }) })
      : undefined
  // Everything that can be wrong is found before the slow part: a spec with a placeholder image,
  // the cluster, the permissions.
  manifestFor(release, { image: NOT_BUILT, namespace: 'default' })
  const client = await connect(context, flags)
  const namespace = flags.namespace ?? release.config.kube.namespace ?? client.namespace
  await checkCluster(client, namespace)
  const before = await getApp(client, { namespace, name })
  if (flags.simulate === true) {
    const image = flags.build ? undefined : await imageGiven(context, flags)
    const { spec } = manifestFor(release, { image: image ?? NOT_BUILT, namespace })
    const version = image === undefined ? 'new' : versionOf(spec, before)
    const of = { app: { namespace, name }, found: before, spec, graph: graphOf(release), version, faults }
    return printSimulation(context, await simulateRollout(client, of), { name, namespace, isJson: flags.json === true })
  }
  if (before?.status?.preview !== undefined && before.status.active !== undefined) {
    const question = `A rollout of "${namespace}/${name}" to version "${before.status.preview}" is under way; it gives its traffic back if this one differs.`
    if (context.ask === undefined) output.warn(question)
    else await confirm(context, `${question} Go on?`, flags)
  }

  const image = repository === undefined ? await imageGiven(context, flags) : await pushImage(context, { release, repository, flags })
  const imageMs = Math.round(performance.now() - started)
  const { manifest, spec } = manifestFor(release, { image, namespace })
  const applied = await applyApp(client, { ...manifest, metadata: { ...manifest.metadata, namespace } }, flags.force)
  const summary = {
    name,
    namespace,
    generation: applied.metadata.generation,
    version: versionOf(spec, before),
    image,
    changed: before?.metadata.generation !== applied.metadata.generation,
  }
  const times = { ...(flags.build ? { image: imageMs } : {}), applied: Math.round(performance.now() - started) }
  output.progress(`applied WeaverApp "${namespace}/${name}", version "${summary.version}", after ${formatSeconds(times.applied)}`)
  if (flags.detach === true) return finish(context, { ...summary, outcome: 'detached', times }, flags)
  const followed = await followRollout(client, context, {
    app: { namespace, name },
    generation: summary.generation,
    version: summary.version,
    since: started,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
  finish(context, { ...summary, outcome: 'ready', times: { ...times, ...followed } }, flags)
}

/** Stands for the image that a build would make. */
const NOT_BUILT = 'example.invalid/not-built'

/** @throws WeaverError `WEAVER_CLI_NOT_BUILT` */
function graphOf({ graph, folder }: Release): ComponentGraph {
  if (graph !== undefined) return graph
  throw cliError(
    'WEAVER_CLI_NOT_BUILT',
    `a simulation needs to know the groups of the application, and "${folder}" has no ${GRAPH_FILE}; run \`weaver generate\` and build it first`,
  )
}

function manifestFor(
  release: Release,
  { image, namespace }: { readonly image: string; readonly namespace: string },
): { readonly manifest: WeaverAppManifest; readonly spec: WeaverAppSpec } {
  const { config, packageName, graph } = release
  return buildWeaverApp(config, {
    image,
    namespace,
    ...(packageName === undefined ? {} : { packageName }),
    ...(graph === undefined ? {} : { graph }),
  })
}

/**
 * A change that affects no pod makes no version; the version is then the operator's, whose id may
 * be from an earlier release.
 */
function versionOf(spec: WeaverAppSpec, before: WeaverApp | undefined): string {
  const { desired, observedGeneration } = before?.status ?? {}
  if (desired === undefined || observedGeneration !== before?.metadata.generation) return versionIdOf(spec)
  const was = parseWeaverAppSpec(before?.spec)
  return was.ok && isSameVersion(was.spec, spec) ? desired : versionIdOf(spec)
}

/** The image of `--no-build`. */
async function imageGiven({ env }: CliContext, { image = '', resolve, insecureRegistry = [] }: DeployFlags): Promise<string> {
  return resolve === true ? resolveTag(image, { env, insecureRegistries: insecureRegistry }) : image
}

/** @returns the image by digest */
async function pushImage(
  context: CliContext,
  { release, repository, flags }: { readonly release: Release; readonly repository: string; readonly flags: DeployFlags },
): Promise<string> {
  const { config, folder, main, graph } = release
  const base = [flags.baseImage, config.kube.base_image, context.env['WEAVER_BASE_IMAGE']].find(
    (given) => given !== undefined && given !== '',
  )
  const platforms = flags.platform ?? config.kube.build?.platforms
  const interrupt = new AbortController()
  const releaseSignals = context.onSignal(() => interrupt.abort(cliError('WEAVER_CLI_DETACHED', 'interrupted; nothing was applied')))
  try {
    const made = await makeImage({
      folder,
      entrypoint: ['node', main],
      ...(graph === undefined ? {} : { graph }),
      args: config.application.args ?? [],
      ...(base === undefined ? {} : { base }),
      target: flags.tag === undefined ? repository : `${repository}:${flags.tag}`,
      engine: flags.engine ?? config.kube.build?.engine ?? 'auto',
      ...(platforms === undefined ? {} : { platforms }),
      ...(flags.insecureRegistry === undefined ? {} : { insecureRegistries: flags.insecureRegistry }),
      env: context.env,
      onProgress: (line) => context.output.progress(line),
      signal: interrupt.signal,
    })
    return made.pinned
  } finally {
    releaseSignals()
  }
}

function finish({ output }: CliContext, summary: DeploySummary, flags: DeployFlags): void {
  const { name, namespace, version, times, outcome } = summary
  if (flags.json === true) return output.json(summary)
  if (outcome === 'detached') {
    output.result(
      `${namespace}/${name}: version ${version} was applied; \`weaver kube status ${name} --namespace ${namespace} --watch\` follows it`,
    )
    return
  }
  const steps: readonly (readonly [string, number | undefined])[] = [
    ['image', times.image],
    ['applied', times.applied],
    ['first traffic', times.firstTraffic],
    ['100 %', times.fullTraffic],
    ['done', times.done],
  ]
  const told = steps.flatMap(([what, ms]) => (ms === undefined ? [] : [`${what} ${formatSeconds(ms)}`]))
  output.result(
    `${namespace}/${name}: version ${version} serves all traffic${summary.changed ? '' : ' (nothing had changed)'}; ${told.join(', ')}`,
  )
}
