/**
 * Runs the application in many processes while it is edited.
 *
 * I1  An edit of what components do starts new processes of their groups beside the old ones, which
 *     end when the new ones serve: other processes are not touched, and no request is lost.
 * I2  An edit of what processes agree on (interfaces, groups, who calls whom) starts a second
 *     complete copy, a version, and moves the listeners to it: processes of two versions never talk.
 * I3  What cannot be started changes nothing: the last good processes go on.
 */
import { banner, type ComponentGraph } from '@weaver/sdk/contract'
import { componentProblems } from '../../config/check-components.js'
import { configInvalid } from '../../config/config-problem.js'
import { launchOf } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import { openDeployment, type OpenedDeployment } from '../local/open-deployment.js'
import { orGiveUp } from '../local/or-give-up.js'
import { holderOf } from '../local/port-in-use.js'
import { GRACE_MS } from '../local/process-replica.js'
import { multiDeployer } from '../local/multi-deployer.js'
import { planMulti, type MultiPlan } from '../multi/multi-plan.js'
import { brokerText, multiDeployment } from '../multi/multi-deployment.js'
import { singleDeployer } from '../local/single-deployer.js'
import { DevListeners, type StagedListeners } from './dev-listeners.js'
import type { DevEdit, DevTarget } from './dev-target.js'

interface Version extends OpenedDeployment {
  readonly staged: StagedListeners
  /** Equal texts run in the same way, but for what components do and how they are configured. */
  readonly layout: string
  config: WeaverToml
}

export interface DevMultiOptions {
  readonly broker: FoundBroker
  readonly context: CliContext
  /** Another command asks for its end. */
  readonly onStopAsked: () => void
}

export class DevMulti implements DevTarget {
  readonly #options: DevMultiOptions
  readonly #listeners: DevListeners
  readonly #ending = new Set<Promise<readonly string[]>>()
  readonly #versions = new Set<Version>()
  #current: Version | undefined
  #stopping: Promise<readonly string[]> | undefined

  constructor(options: DevMultiOptions) {
    const { env } = options.context
    this.#options = options
    this.#listeners = new DevListeners((address) => holderOf(address, [multiDeployer, singleDeployer], env))
  }

  get isRunning(): boolean {
    return this.#current !== undefined
  }

  async apply({ config, graph, concern }: DevEdit, signal: AbortSignal): Promise<string | undefined> {
    const plan = planMulti(config, graph)
    const problems = componentProblems(config, graph)
    if (problems.length > 0) throw configInvalid(config.file, problems)
    const current = this.#current
    const layout = layoutOf({ config, graph, plan }, this.#options.context)
    if (current === undefined || concern.kind === 'contract' || current.layout !== layout)
      return this.#replaceAll({ config, graph, plan, layout }, signal)
    const groups = groupsOf(concern, plan, changedSections(current.config, config))
    if (groups.length === 0) return undefined
    await current.deployment.replaceGroups(groups, { config: config.components, signal }) // I1
    current.config = config
    return `restarted ${groups.join(', ')}; ${untouched(plan, groups)}`
  }

  async #replaceAll(
    { layout, ...what }: { readonly config: WeaverToml; readonly graph: ComponentGraph; readonly plan: MultiPlan; readonly layout: string },
    signal: AbortSignal,
  ): Promise<string> {
    const { broker, context, onStopAsked } = this.#options
    const before = this.#current
    signal.throwIfAborted()
    await this.#listeners.update(what.plan.addresses)
    const staged = this.#listeners.stage()
    const opened = openDeployment(multiDeployment({ ...what, broker }), { listeners: staged, onStopAsked }, context)
    const { app, deploymentId, deployment } = opened
    const next: Version = { ...opened, staged, layout, config: what.config }
    this.#versions.add(next)
    if (before === undefined) {
      context.output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
      context.output.progress(brokerText(broker))
    }
    const start = async (): Promise<void> => {
      await next.serve()
      await deployment.start()
      signal.throwIfAborted()
    }
    await orGiveUp(start, () => void this.#end(next), signal)
    staged.activate(before?.staged) // I2
    this.#current = next
    if (before !== undefined) void this.#end(before)
    void deployment.over.then((why) => {
      if (why !== undefined) this.#onOver(next, why)
    })
    const processes = what.plan.groups.reduce((sum, { replicas }) => sum + replicas, 0)
    if (before !== undefined) return `version ${deploymentId.slice(0, 8)} has taken over: ${processes} processes; the old ones end`
    for (const { name, address } of this.#listeners.addresses) context.output.progress(`listener ${name}: http://${address}`)
    return `${processes} processes are ready`
  }

  /** By its policy "stop-all". */
  #onOver(version: Version, why: string): void {
    if (this.#current === version) this.#current = undefined
    this.#options.context.output.warn(`${why}: everything was stopped; the next edit starts it again`)
    void this.#end(version)
  }

  async #end(version: Version): Promise<readonly string[]> {
    const ending = version.deployment.stop().then(async (problems) => {
      await version.close()
      this.#versions.delete(version)
      return problems
    })
    this.#ending.add(ending)
    const problems = await ending
    this.#ending.delete(ending)
    return problems
  }

  stop(): Promise<readonly string[]> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<readonly string[]> {
    const closing = this.#listeners.close(GRACE_MS)
    const ends = [...this.#versions].map((version) => this.#end(version))
    const problems = (await Promise.all([...ends, ...this.#ending])).flat()
    await closing
    return [...new Set(problems)]
  }

  kill(): void {
    for (const { deployment } of this.#versions) deployment.kill()
  }
}

/** All that processes have in common, as a text to compare. */
function layoutOf(
  { config, graph, plan }: { readonly config: WeaverToml; readonly graph: ComponentGraph; readonly plan: MultiPlan },
  { env }: CliContext,
): string {
  const { command, cwd } = launchOf(config, env)
  const components = graph.components.map((component) => ({ ...component, config: undefined, source: undefined }))
  return JSON.stringify([plan, command, cwd, config.application.env, config.multi.restart, graph.subjects, components])
}

/** Components whose section is another one. */
function changedSections(before: WeaverToml, after: WeaverToml): readonly string[] {
  const names = [...new Set([...Object.keys(before.components), ...Object.keys(after.components)])]
  return names.filter((name) => JSON.stringify(before.components[name]) !== JSON.stringify(after.components[name]))
}

function groupsOf(concern: DevEdit['concern'], { groups }: MultiPlan, configured: readonly string[]): readonly string[] {
  const components = [...configured, ...(concern.kind === 'components' ? concern.names : [])]
  return groups
    .filter(({ hosts }) => concern.kind === 'everything' || hosts.some((name) => components.includes(name)))
    .map(({ name }) => name)
}

function untouched({ groups }: MultiPlan, restarted: readonly string[]): string {
  const others = groups.filter(({ name }) => !restarted.includes(name)).reduce((sum, { replicas }) => sum + replicas, 0)
  return others === 0 ? 'all processes are new' : `${others} other process${others === 1 ? '' : 'es'} untouched`
}
