import { WeaverError } from './errors.js'
import type { LeaderScope } from './leader.js'
import { BALANCES, type Balance } from './routing.js'
import { SUBJECT_LAYOUT, type SubjectLayout } from './subjects.js'

/** File that `weaver generate` writes beside the generated code, and that an image carries. */
export const GRAPH_FILE = 'weaver.graph.json'
/** Where an image build puts the graph; the operator's describe pod prints it from here. */
export const GRAPH_IMAGE_PATH = '/weaver/graph.json'
export const GRAPH_FORMAT = 1

/** The component graph of one build: what a deployer must know of an application without running its code. */
export interface ComponentGraph {
  readonly format: typeof GRAPH_FORMAT
  /** Version of the generator that wrote it. */
  readonly generator: string
  /** The layout of subjects that the SDK of this build uses (subjects.ts). @default 1 */
  readonly subjects?: SubjectLayout
  /** sha256 hex over everything both ends of a call must agree on. Two builds with different fingerprints never decode each other's bytes. */
  readonly fingerprint: string
  /** The tsconfig of the sources, relative to the package, where it is another than its tsconfig.json. */
  readonly project?: string
  /** Sorted by name. Contains `weaver/Main`. */
  readonly components: readonly ComponentNode[]
}

export interface ComponentNode {
  readonly name: string
  /** Source file of the implementation, relative to the package, for people. */
  readonly source?: string
  readonly methods: readonly {
    readonly name: string
    readonly signature: string
    readonly notRetriable?: true
    readonly routed?: true
    readonly stream?: true
  }[]
  /** One replica leads: of each version, or of all versions of the application. */
  readonly leader?: LeaderScope
  /** How its keys are spread over replicas. @default 'slices' */
  readonly balance?: Balance
  /** Where its token is exported: by this name, from this source, relative to its package. A package that refers to it finds the name of the component by it. */
  readonly token?: { readonly name: string; readonly source: string }
  /** The package that declares it, where that is another than the graph's own. */
  readonly package?: string
  /** Names of the components it holds a ref to. */
  readonly refs: readonly string[]
  /** Those of the refs that are resolved at their first call, and so may close a circle. */
  readonly lazyRefs?: readonly string[]
  readonly listeners: readonly string[]
  /** JSON Schema of its `config(...)`, from the type; absent: it takes no configuration. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** How the keys of each component are spread, for an assignment controller. */
export function balanceIn(graph: ComponentGraph): (component: string) => Balance | undefined {
  const balances = new Map(graph.components.map(({ name, balance }) => [name, balance]))
  return (component) => balances.get(component)
}

/**
 * Checks a graph that came over a process border.
 * @throws WeaverError `WEAVER_GRAPH_INVALID`: not a graph, an unknown format, a ref to an unknown component, a listener claimed twice.
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
