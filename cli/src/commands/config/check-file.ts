import { access } from 'node:fs/promises'
import { GRAPH_FILE, isWeaverError, type ComponentGraph } from '@weaver/sdk/contract'
import { gkeProblems } from '../../deployers/gke-local/gke-plan.js'
import { multiProblems } from '../../deployers/multi/multi-plan.js'
import { sshProblems } from '../../deployers/ssh/ssh-plan.js'
import { buildStepsFor } from '../../generate/build-steps.js'
import { generatedState } from '../../generate/check-generated.js'
import { findGraph } from '../../graph/package-graph.js'
import { readPackageJson } from '../../image/package-files.js'
import { componentProblems, loadDescribedGraph, type DescribeContext } from '../../config/check-components.js'
import { problemsIn, type ConfigProblem } from '../../config/config-problem.js'
import { binaryOf, packageOf } from '../../config/launch.js'
import { listenerProblems } from '../../config/listener-problems.js'
import { loadConfig, type WeaverToml } from '../../config/load-config.js'
import { buildWeaverApp } from '../../config/weaver-app-manifest.js'

export interface FileCheck {
  /** Sorted by place. */
  readonly problems: readonly ConfigProblem[]
  /** What could not be checked and why, a sentence each. */
  readonly unchecked: readonly string[]
}

/** For a manifest that is built for its problems only. */
const ANY_IMAGE = 'registry.example/app:1'

/**
 * Checks a weaver.toml as every deployer would, as far as the package allows: without a component
 * graph only by itself, without a build by the types of the configuration.
 * @throws WeaverError `WEAVER_CLI_CONFIG_INVALID`: there is no such file
 */
export async function checkFile(file: string, context: DescribeContext & { readonly cwd: string }): Promise<FileCheck> {
  let config: WeaverToml
  try {
    config = await loadConfig(file, context.cwd)
  } catch (error) {
    return { problems: problemsIn(error), unchecked: [] }
  }
  const folder = await packageOf(config)
  const generated = await findGraph(folder)
  if (generated === undefined) {
    const missing = `"${folder}" has no ${GRAPH_FILE}: names of components and listeners, and what components take, are not checked; run \`weaver generate\``
    return { problems: [], unchecked: [missing] }
  }
  const unchecked: string[] = []
  const state = await generatedState(folder, context.cwd)
  if (state.kind === 'stale' || state.kind === 'refused')
    unchecked.push(
      `${state.message}${state.kind === 'stale' ? ', and build again' : ''}: no deployer starts this, and it is checked as it was generated last`,
    )
  const graph = await describe(config, { ...context, onUnchecked: (why) => unchecked.push(why), generated })
  const problems = [
    ...componentProblems(config, graph),
    ...listenerProblems(config, graph, 'single'),
    ...multiProblems(config, graph),
    ...sshProblems(config, graph),
    ...gkeProblems(config, graph),
    ...(Object.keys(config.kube).length === 0 ? [] : await kubeProblems(config, folder, graph)),
  ]
  return { problems: inOrder(problems), unchecked }
}

/** Adds the schemas that the built application describes, if it does. */
async function describe(
  config: WeaverToml,
  context: DescribeContext & { readonly cwd: string; readonly generated: ComponentGraph; readonly onUnchecked: (why: string) => void },
): Promise<ComponentGraph> {
  const { generated, onUnchecked, cwd } = context
  const binary = binaryOf(config)
  const byTypes = 'what components take is checked by its types alone'
  try {
    await access(binary)
  } catch {
    onUnchecked(
      `"${binary}" does not exist: ${byTypes}; build it first (${buildStepsFor(await packageOf(config), cwd)}), or correct \`binary\``,
    )
    return generated
  }
  try {
    return (await loadDescribedGraph(config, context)) ?? generated
  } catch (error) {
    if (!isWeaverError(error)) throw error
    onUnchecked(`${byTypes}: ${error.message}`)
    return generated
  }
}

async function kubeProblems(config: WeaverToml, folder: string, graph: ComponentGraph): Promise<readonly ConfigProblem[]> {
  const { name } = await readPackageJson(folder)
  try {
    buildWeaverApp(config, { image: ANY_IMAGE, graph, ...(name === undefined ? {} : { packageName: name }) })
    return []
  } catch (error) {
    return problemsIn(error)
  }
}

/** Deployers that read the same key find the same problem in it: it is reported once. */
function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const first = new Map<string, ConfigProblem>()
  for (const problem of problems) {
    const place = `${problem.line}:${problem.column} ${problem.key}`
    if (!first.has(place)) first.set(place, problem)
  }
  return [...first.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}
