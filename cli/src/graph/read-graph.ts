import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GRAPH_FILE, parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import { cliError } from '../errors/catalogue.js'

/**
 * The graph of a build: a file, or the folder of a package that has one.
 * @throws WeaverError `WEAVER_CLI_GRAPH`: it cannot be read, or is not a graph.
 */
export function readGraph(given: string, cwd: string): ComponentGraph {
  const path = graphPath(given, cwd)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw cliError(
      'WEAVER_CLI_GRAPH',
      `the graph "${path}" cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'}; run \`weaver generate\``,
      { cause },
    ) // of fs
  }
  try {
    return parseGraph(text)
  } catch (cause) {
    throw cliError('WEAVER_CLI_GRAPH', `"${path}": ${(cause as Error).message}`, { cause }) // parseGraph throws errors
  }
}

/** The graph file that a user means by a file or by the folder of a package. */
export function graphPath(given: string, cwd: string): string {
  const path = resolve(cwd, given)
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(path, GRAPH_FILE) : path
}
