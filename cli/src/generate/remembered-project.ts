import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'

/**
 * The tsconfig given to `weaver generate --project` for a package. The graph records it, so that
 * later runs and checks use the same one. A file that no longer exists is forgotten.
 */
export function rememberedProject(folder: string): { readonly tsconfig?: string } {
  try {
    const graph = JSON.parse(readFileSync(join(folder, GRAPH_FILE), 'utf8')) as { readonly project?: unknown } | null
    const tsconfig = graph?.project
    return typeof tsconfig === 'string' && existsSync(join(folder, tsconfig)) ? { tsconfig } : {}
  } catch {
    return {} // no graph, or a damaged one, which the run itself rewrites
  }
}
