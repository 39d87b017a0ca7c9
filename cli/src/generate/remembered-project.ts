import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'

/**
 * The tsconfig that `weaver generate --project` was given for a package: its graph names it, so that
 * whoever generates or checks later goes by the same one. One that is no longer there is forgotten.
 */
export function rememberedProject(folder: string): { readonly tsconfig?: string } {
  try {
    const graph = JSON.parse(readFileSync(join(folder, GRAPH_FILE), 'utf8')) as { readonly project?: unknown } | null
    const tsconfig = graph?.project
    return typeof tsconfig === 'string' && existsSync(join(folder, tsconfig)) ? { tsconfig } : {}
  } catch {
    return {} // without a graph, or with one that is damaged, which the run itself writes anew
  }
}
