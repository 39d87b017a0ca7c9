import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { GRAPH_FILE, MAIN_COMPONENT, parseGraph, reasonOf } from '@weaver/sdk/contract'
import type ts from 'typescript-api'
import type { PackageModel } from './model.js'
import type { SourceReader } from './source-reader.js'

/** The doors of a package with components. */
const DOORS = ['./weaver', `./${GRAPH_FILE}`]

/**
 * Finds the component that another package's token stands for. The type of a token does not include
 * its name, and the package may be compiled, so its graph says which export is which component.
 */
export class PackageReader {
  readonly #reader: SourceReader
  readonly #packages = new Map<string, PackageModel | undefined>()

  constructor(reader: SourceReader) {
    this.#reader = reader
  }

  /** The packages met so far, sorted by name. */
  get packages(): readonly PackageModel[] {
    return [...this.#packages.values()].filter((found) => found !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  isForeign(symbol: ts.Symbol | undefined): boolean {
    const file = symbol?.declarations?.[0]?.getSourceFile().fileName
    return file !== undefined && !this.#reader.isOwn(file)
  }

  /** @returns the name of the component; `undefined` after reporting the problem */
  componentOf(symbol: ts.Symbol, node: ts.Node): string | undefined {
    const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? ''
    const folder = packageFolder(dirname(file))
    const fail = (message: string): undefined => this.#reader.report('WVG046', message, node) as undefined
    if (folder === undefined) return fail(`${symbol.name} is declared in ${file}, which is in no package`)
    if (!this.#packages.has(folder)) this.#packages.set(folder, this.#read(folder, node))
    const found = this.#packages.get(folder)
    if (found === undefined) return undefined
    const named = found.nodes.filter((candidate) => candidate.package === found.name && candidate.token?.name === symbol.name)
    // Two files of a package may export tokens of the same name; a source and its output have the
    // same stem.
    const stem = stemOf(relative(folder, file))
    const [only] = named.length > 1 ? named.filter(({ token }) => stemOf(token?.source ?? '') === stem) : named
    return only?.name ?? fail(`package "${found.name}" has no component whose token is ${symbol.name}, says its ${GRAPH_FILE}`)
  }

  #read(folder: string, node: ts.Node): PackageModel | undefined {
    const fail = (message: string): undefined => this.#reader.report('WVG046', message, node) as undefined
    const manifest = join(folder, 'package.json')
    const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      readonly name: string
      readonly exports?: object
    } // packageFolder has read it
    const graphFile = join(folder, GRAPH_FILE)
    if (!existsSync(graphFile)) return fail(`package "${name}" has no ${GRAPH_FILE}`)
    const missing = DOORS.filter((door) => !(door in (exports ?? {})))
    if (missing.length > 0) return fail(`package "${name}" does not export ${missing.join(' and ')}`)
    try {
      const graph = parseGraph(readFileSync(graphFile, 'utf8'))
      const nodes = graph.components.filter((component) => component.name !== MAIN_COMPONENT)
      return {
        name,
        fingerprint: graph.fingerprint,
        files: [graphFile, manifest],
        nodes: nodes.map((component) => ({ ...component, package: component.package ?? name })),
      }
    } catch (error) {
      return fail(`the ${GRAPH_FILE} of package "${name}" cannot be used: ${reasonOf(error)}`)
    }
  }
}

/** Components of other packages, each once. Reports two different ones under one name. */
export function foreignNodes(reader: SourceReader, packages: readonly PackageModel[], own: ReadonlySet<string>): PackageModel['nodes'] {
  const nodes = new Map<string, PackageModel['nodes'][number]>()
  for (const of of packages)
    for (const node of of.nodes) {
      const other = nodes.get(node.name)
      if (own.has(node.name)) reader.report('WVG047', `component "${node.name}" is declared here and by package "${node.package}"`)
      else if (other !== undefined && JSON.stringify(other) !== JSON.stringify(node))
        reader.report(
          'WVG047',
          `component "${node.name}" is declared by package "${other.package}" and, differently, by "${node.package}" (by way of "${of.name}")`,
        )
      nodes.set(node.name, node)
    }
  return [...nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function packageFolder(from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const file = join(at, 'package.json')
    // a package.json without a name only sets how the modules below it are read
    if (existsSync(file) && typeof (JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: unknown }).name === 'string') return at
    if (dirname(at) === at) return undefined
  }
}

/** `src/cart.ts` and `dist/cart.d.ts` have the same stem. */
function stemOf(file: string): string {
  const [, ...below] = file.split(sep)
  return below.join('/').replace(/(\.d)?\.[cm]?tsx?$/, '')
}
