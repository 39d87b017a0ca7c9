import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'
import type ts from 'typescript-api'
import { CATALOGUE, type Diagnostic } from './diagnostics.js'
import { discover } from './discover.js'
import { emitFile } from './emit-file.js'
import { buildGraph, fingerprintOf } from './graph-json.js'
import { hashOf, isUnchanged, recordPath, typescriptFiles, writeRecord } from './input-cache.js'

/** Part of the record of inputs: a new generator writes everything anew. */
export const GENERATOR_VERSION = '0.1.0'
const STAND_IN = `import type { WeaverGen } from '@weaver/sdk/internal'\nexport declare const weaver: WeaverGen\n`

export interface GenerateOptions {
  /** Folder of the package. */
  readonly projectDir: string
  /** @default "tsconfig.json" in it */
  readonly tsconfig?: string
  /** @default "src/weaver.gen.ts" in it */
  readonly outFile?: string
  /** Write nothing; tell whether a run would. @default false */
  readonly check?: boolean
}
export interface GenerateResult {
  /** `failed`: see the diagnostics, nothing was written. `stale`: with `check`, a run would write. */
  readonly status: 'written' | 'unchanged' | 'stale' | 'failed'
  /** Absolute paths of the generated file and of the graph. */
  readonly files: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  /** False when the recorded inputs were unchanged and the compiler was not even loaded. */
  readonly hasCompiled: boolean
}

/** Writes `weaver.gen.ts` and `weaver.graph.json` of a package from its types. Never runs its code; writes a file only when its text changes. */
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
  const graphFile = join(projectDir, GRAPH_FILE)
  const files = [outFile, graphFile]
  if (!existsSync(tsconfig)) return failed('WVG040', `there is no "${tsconfig}"`)
  const sources = typescriptFiles(projectDir, outFile)
  if (isUnchanged(recordPath(projectDir), GENERATOR_VERSION, sources))
    return { status: 'unchanged', files, diagnostics: [], hasCompiled: false }

  const { default: api } = await import('typescript-api')
  const opened = openProgram(api, tsconfig, outFile)
  if (typeof opened === 'string') return { ...failed('WVG040', opened), hasCompiled: true }
  const { application, diagnostics } = discover(api, opened, { projectDir, outFile })
  if (diagnostics.length > 0) return { status: 'failed', files: [], diagnostics, hasCompiled: true }

  const fingerprint = fingerprintOf(application)
  const texts: readonly (readonly [string, string])[] = [
    [outFile, emitFile(application, { outFile, fingerprint })],
    [graphFile, `${JSON.stringify(buildGraph(application, { generator: GENERATOR_VERSION, fingerprint }), null, 2)}\n`],
  ]
  const stale = texts.filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text)
  if (options.check === true && stale.length > 0)
    return { status: 'stale', files: stale.map(([file]) => file), diagnostics: [], hasCompiled: true }
  for (const [file, text] of stale) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const read = opened
    .getSourceFiles()
    .filter(
      (file) =>
        file.fileName.startsWith(`${projectDir}/`) &&
        !file.fileName.slice(projectDir.length).includes('/node_modules/') &&
        file.fileName !== outFile,
    )
  writeRecord(recordPath(projectDir), {
    tool: GENERATOR_VERSION,
    inputs: Object.fromEntries([
      ...read.map((file) => [file.fileName, hashOf(file.text)] as const),
      [tsconfig, hashOf(readFileSync(tsconfig, 'utf8'))],
    ]),
    files: sources,
    outputs: Object.fromEntries(texts.map(([file, text]) => [file, hashOf(text)])),
  })
  return { status: stale.length > 0 ? 'written' : 'unchanged', files, diagnostics: [], hasCompiled: true }
}

/** The package as the compiler sees it, with a stand-in for the generated file: what it says now must not matter. @returns the reason when it cannot be read. */
function openProgram(api: typeof ts, tsconfig: string, outFile: string): ts.Program | string {
  const text = (diagnostic: ts.Diagnostic): string => api.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
  const { config, error } = api.readConfigFile(tsconfig, (path) => api.sys.readFile(path)) as { config?: unknown; error?: ts.Diagnostic }
  if (error !== undefined) return `"${tsconfig}" cannot be read: ${text(error)}`
  const parsed = api.parseJsonConfigFileContent(config, api.sys, dirname(tsconfig))
  const [problem] = parsed.errors.filter((found) => found.code !== 18003) // "No inputs were found": told as WVG041
  if (problem !== undefined) return `"${tsconfig}": ${text(problem)}`
  const compilerOptions: ts.CompilerOptions = { ...parsed.options, noEmit: true, composite: false, incremental: false, skipLibCheck: true }
  delete compilerOptions.tsBuildInfoFile
  const host = api.createCompilerHost(compilerOptions)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => path === outFile || fileExists.call(host, path)
  host.readFile = (path) => (path === outFile ? STAND_IN : readFile.call(host, path))
  host.getSourceFile = (path, target, ...rest) =>
    path === outFile ? api.createSourceFile(path, STAND_IN, target) : getSourceFile.call(host, path, target, ...rest)
  return api.createProgram({ rootNames: [...new Set([...parsed.fileNames, outFile])], options: compilerOptions, host })
}
