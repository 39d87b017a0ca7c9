import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { CATALOGUE } from './diagnostics.js'
import type { GenerateResult } from './generate-result.js'
import { generatorStamp } from './generator-version.js'
import { isUnchanged, recordPath, typescriptFiles } from './input-cache.js'
import type { ParsedFiles } from './open-program.js'

export interface GenerateOptions {
  /** Folder of the package. */
  readonly projectDir: string
  /** @default "tsconfig.json" in `projectDir` */
  readonly tsconfig?: string
  /** @default "src/weaver.gen.ts" in `projectDir` */
  readonly outFile?: string
  /** Write nothing; report whether a run would. @default false */
  readonly check?: boolean
  /** Files that an earlier run in this process parsed. */
  readonly parsed?: ParsedFiles
}
/**
 * Writes `weaver.gen.ts` and `weaver.graph.json` of a package from its types. It never runs the
 * package's code, and writes a file only when its text changes.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const given = resolve(options.projectDir)
  const failed = (code: keyof typeof CATALOGUE, message: string): GenerateResult => ({
    status: 'failed',
    files: [],
    diagnostics: [{ code, message, hint: CATALOGUE[code].hint }],
    hasCompiled: false,
  })
  if (!existsSync(given)) return failed('WVG040', `there is no folder "${given}"`)
  const projectDir = realpathSync(given)
  const tsconfig = resolve(projectDir, options.tsconfig ?? 'tsconfig.json')
  const outFile = resolve(projectDir, options.outFile ?? join('src', 'weaver.gen.ts'))
  const graphFile = join(projectDir, 'weaver.graph.json') // GRAPH_FILE; loading the contract for it would double the cost of an unchanged run
  if (!existsSync(tsconfig)) return failed('WVG040', `there is no "${tsconfig}"`)
  const sources = typescriptFiles(projectDir, outFile)
  const tool = `${generatorStamp()} ${relative(projectDir, tsconfig)}`
  if (isUnchanged(recordPath(projectDir), tool, sources))
    return { status: 'unchanged', files: [outFile, graphFile], diagnostics: [], hasCompiled: false }
  // SDK calls are recognised by their import: without one there is nothing for the compiler to
  // find.
  if (!sources.some((file) => /\bfrom\s*['"]@weaver\/sdk['"]/.test(readFileSync(file, 'utf8'))))
    return failed('WVG041', 'nothing to generate: no source of this package imports @weaver/sdk')
  const { generateAnew } = await import('./generate-anew.js')
  return generateAnew({ projectDir, tsconfig, outFile, graphFile, sources, tool, isCheck: options.check === true }, options.parsed)
}
