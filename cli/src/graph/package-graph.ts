import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GRAPH_FILE, parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import { cliError } from '../errors/catalogue.js'

/**
 * The component graph of a package: the generator writes it beside the generated code, below `src`,
 * or at the top.
 * @returns `undefined` if it was not generated
 * @throws WeaverError `WEAVER_CLI_GENERATED_STALE` when it is not a graph of this release
 */
export async function findGraph(folder: string): Promise<ComponentGraph | undefined> {
  const path = ['.', 'src'].map((place) => join(folder, place, GRAPH_FILE)).find((file) => existsSync(file))
  if (path === undefined) return undefined
  const text = await readFile(path, 'utf8')
  try {
    return parseGraph(text)
  } catch (cause) {
    throw cliError('WEAVER_CLI_GENERATED_STALE', `"${path}": ${(cause as Error).message}`, { cause }) // parseGraph throws errors
  }
}
