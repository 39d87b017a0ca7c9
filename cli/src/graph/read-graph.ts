import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GRAPH_FILE, parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import { cliError } from '../errors/catalogue.js'

/**
 * The graph of a build: a file, or the folder of a package that has it.
 * @throws WeaverError `WEAVER_CLI_GRAPH`: it cannot be read, or is no graph.
 */
export function readGraph(given: string, cwd: string): ComponentGraph {
  let path = resolve(cwd, given)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) path = join(path, GRAPH_FILE)
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
