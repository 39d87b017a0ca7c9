import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'
import { CATALOGUE, type Diagnostic } from './diagnostics.js'
import { discover } from './discover.js'
import { emitFile } from './emit-file.js'
import { buildGraph, fingerprintOf } from './graph-json.js'
import { openProgram, type OpenedProgram, type ParsedFiles } from './open-program.js'
import { hashOf, isUnchanged, recordPath, stampOf, typescriptFiles, writeRecord, type InputRecord } from './input-cache.js'

/** Part of the record of inputs: a new generator writes everything anew. */
export const GENERATOR_VERSION = '0.1.0'

export interface GenerateOptions {
  /** Folder of the package. */
  readonly projectDir: string
  /** @default "tsconfig.json" in it */
  readonly tsconfig?: string
  /** @default "src/weaver.gen.ts" in it */
  readonly outFile?: string
  /** Write nothing; tell whether a run would. @default false */
  readonly check?: boolean
  /** Files parsed by an earlier run in this process. */
  readonly parsed?: ParsedFiles
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
  const opened = openProgram(api, { tsconfig, outFile }, options.parsed)
  if (typeof opened === 'string') return { ...failed('WVG040', opened), hasCompiled: true }
  const { application, diagnostics } = discover(api, opened.program, { projectDir, outFile })
  if (diagnostics.length > 0) return { status: 'failed', files: [], diagnostics, hasCompiled: true }

  const fingerprint = fingerprintOf(application)
  const texts: readonly (readonly [string, string])[] = [
    [outFile, emitFile(application, { outFile, fingerprint })],
    [
      graphFile,
      `${JSON.stringify(buildGraph(application, { generator: GENERATOR_VERSION, fingerprint, relative: (file) => relative(projectDir, file).split(sep).join('/') }), null, 2)}\n`,
    ],
  ]
  const stale = texts.filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text)
  if (options.check === true && stale.length > 0)
    return { status: 'stale', files: stale.map(([file]) => file), diagnostics: [], hasCompiled: true }
  for (const [file, text] of stale) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const ofPackages = application.packages.flatMap(({ files }) => files)
  writeRecord(recordPath(projectDir), {
    tool: GENERATOR_VERSION,
    ...stateOfInputs(opened, { projectDir, without: outFile, more: [...opened.configFiles, ...ofPackages] }),
    files: sources,
    outputs: Object.fromEntries(texts.map(([file, text]) => [file, hashOf(text)])),
  })
  return { status: stale.length > 0 ? 'written' : 'unchanged', files, diagnostics: [], hasCompiled: true }
}

/** The package's own files by their content, others by time and size: there are many, and they change when something is installed or built. */
function stateOfInputs(
  { program }: OpenedProgram,
  of: { readonly projectDir: string; readonly without: string; readonly more: readonly string[] },
): Pick<InputRecord, 'inputs' | 'stamps'> {
  const inputs = new Map(of.more.map((file) => [file, hashOf(readFileSync(file, 'utf8'))]))
  const stamps = new Map<string, string>()
  for (const file of program.getSourceFiles()) {
    const { fileName } = file
    if (fileName === of.without) continue
    const isOwn = fileName.startsWith(`${of.projectDir}/`) && !fileName.slice(of.projectDir.length).includes('/node_modules/')
    if (isOwn) inputs.set(fileName, hashOf(file.text))
    else stamps.set(fileName, stampOf(fileName))
  }
  return { inputs: Object.fromEntries(inputs), stamps: Object.fromEntries(stamps) }
}
