import { WeaverError } from './errors.js'
import type { LeaderScope } from './leader.js'
import { BALANCES, type Balance } from './routing.js'
import { SUBJECT_LAYOUT, type SubjectLayout } from './subjects.js'

/** The file that `weaver generate` writes beside the generated code, and that an image contains. */
export const GRAPH_FILE = 'weaver.graph.json'
/** Path of the graph in an image; the operator's describe pod prints it from here. */
export const GRAPH_IMAGE_PATH = '/weaver/graph.json'
export const GRAPH_FORMAT = 1

/**
 * The component graph of one build: what a deployer must know about an application without running
 * its code.
 */
export interface ComponentGraph {
  readonly format: typeof GRAPH_FORMAT
  /** Version of the generator. */
  readonly generator: string
  /** The layout of subjects in this build's SDK (subjects.ts). @default 1 */
  readonly subjects?: SubjectLayout
  /**
   * sha256 hex of everything that both ends of a call must agree on. Builds with different
   * fingerprints never decode each other's bytes.
   */
  readonly fingerprint: string
  /** The tsconfig of the sources, relative to the package, if it is not its tsconfig.json. */
  readonly project?: string
  /** Sorted by name. Includes `weaver/Main`. */
  readonly components: readonly ComponentNode[]
}

export interface ComponentNode {
  readonly name: string
  /** Source file of the implementation, relative to the package; for messages. */
  readonly source?: string
  readonly methods: readonly {
    readonly name: string
    readonly signature: string
    readonly notRetriable?: true
    readonly routed?: true
    readonly stream?: true
  }[]
  /** Whether one replica leads: of each version, or of all versions of the application. */
  readonly leader?: LeaderScope
  /** How its keys are distributed over replicas. @default 'slices' */
  readonly balance?: Balance
  /**
   * The exported name of its token, and the source that exports it, relative to its package.
   * Packages that refer to the component find its name by this.
   */
  readonly token?: { readonly name: string; readonly source: string }
  /** The package that declares it, if not the graph's own. */
  readonly package?: string
  /** Names of the components that it has refs to. */
  readonly refs: readonly string[]
  /** The refs that are resolved at their first call, and so may close a cycle. */
  readonly lazyRefs?: readonly string[]
  readonly listeners: readonly string[]
  /** JSON Schema of its `config(...)`, from the type. Absent: it takes no configuration. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** How the keys of each component are distributed, for an assignment controller. */
export function balanceIn(graph: ComponentGraph): (component: string) => Balance | undefined {
  const balances = new Map(graph.components.map(({ name, balance }) => [name, balance]))
  return (component) => balances.get(component)
}

/**
 * Checks a graph that crossed a process border.
 * @throws WeaverError `WEAVER_GRAPH_INVALID`: not a graph, an unknown format, a ref to an unknown
 * component, or a listener with two owners.
 */
export function parseGraph(text: string): ComponentGraph {
  const invalid = (why: string, cause?: unknown) =>
    new WeaverError('WEAVER_GRAPH_INVALID', `the component graph is unusable: ${why}. Run \`weaver generate\` and build the image again.`, {
      cause,
    })
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  if (typeof raw !== 'object' || raw === null) throw invalid('it is not an object')
  const graph = raw as Partial<Record<keyof ComponentGraph, unknown>>
  if (graph.format !== GRAPH_FORMAT)
    throw new WeaverError(
      'WEAVER_GRAPH_INVALID',
      `the component graph is unusable: its format ${JSON.stringify(graph.format)} is unknown, this release reads ${GRAPH_FORMAT}. ${
        typeof graph.format === 'number' && graph.format > GRAPH_FORMAT
          ? `It was written by generator ${String(graph.generator)}: update what reads it (the weaver command, the operator) to that release.`
          : 'Run `weaver generate` of this release and build the image again.'
      }`,
    )
  if (graph.subjects !== undefined && graph.subjects !== 1 && graph.subjects !== SUBJECT_LAYOUT)
    throw new WeaverError(
      'WEAVER_GRAPH_INVALID',
      `the component graph is unusable: its layout of subjects ${JSON.stringify(graph.subjects)} is unknown, this release knows 1 to ${SUBJECT_LAYOUT}. It was written by generator ${String(graph.generator)}: update what reads it (the weaver command, the operator) to that release.`,
    )
  if (typeof graph.fingerprint !== 'string' || graph.fingerprint === '') throw invalid('it has no fingerprint')
  if (!Array.isArray(graph.components)) throw invalid('it has no components')
  const names = new Set<string>()
  const listeners = new Map<string, string>()
  for (const node of graph.components as readonly Partial<ComponentNode>[]) {
    if (typeof node?.name !== 'string' || !Array.isArray(node.methods) || !Array.isArray(node.refs) || !Array.isArray(node.listeners))
      throw invalid(`component ${JSON.stringify(node?.name)} lacks name, methods, refs or listeners`)
    if (node.leader !== undefined && node.leader !== 'version' && node.leader !== 'app')
      throw invalid(`leader of component "${node.name}" is ${JSON.stringify(node.leader)}, not "version" or "app"`)
    if (node.balance !== undefined && !BALANCES.includes(node.balance))
      throw invalid(`balance of component "${node.name}" is ${JSON.stringify(node.balance)}, not "slices" or "load"`)
    if (names.has(node.name)) throw invalid(`component "${node.name}" appears twice`)
    names.add(node.name)
    for (const listener of node.listeners) {
      const other = listeners.get(listener)
      if (other !== undefined) throw invalid(`listener "${listener}" is claimed by "${other}" and by "${node.name}"`)
      listeners.set(listener, node.name)
    }
  }
  for (const node of graph.components as readonly ComponentNode[])
    for (const ref of node.refs) if (!names.has(ref)) throw invalid(`"${node.name}" refers to "${ref}", which is not in it`)
  return raw as ComponentGraph // checked above
}
