/** The part of a run that needs the compiler. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, relative, sep } from 'node:path'
import type ts from 'typescript-api'
import { discover } from './discover.js'
import { emitFile } from './emit-file.js'
import type { GenerateResult } from './generate-result.js'
import { GENERATOR_VERSION } from './generator-version.js'
import { buildGraph, fingerprintOf } from './graph-json.js'
import { hashOf, recordPath, stampOf, writeRecord, type InputRecord } from './input-cache.js'
import { openProgram, type OpenedProgram, type ParsedFiles } from './open-program.js'

// By require: an import would parse the nine megabytes of the compiler a second time, to find its
// exported names.
const api = createRequire(import.meta.url)('typescript-api') as typeof ts // the package's types describe its CommonJS module

export interface GenerateTask {
  readonly projectDir: string
  readonly tsconfig: string
  readonly outFile: string
  readonly graphFile: string
  /** All TypeScript files below the folder. */
  readonly sources: readonly string[]
  /** Version of the generator, for the record: another version generates anew. */
  readonly tool: string
  readonly isCheck: boolean
}

export function generateAnew(task: GenerateTask, parsed?: ParsedFiles): GenerateResult {
  const { projectDir, tsconfig, outFile, graphFile, sources } = task
  const files = [outFile, graphFile]
  const opened = openProgram(api, { tsconfig, outFile }, parsed)
  if ('length' in opened) return { status: 'failed', files: [], diagnostics: opened, hasCompiled: true }
  const { application, diagnostics } = discover(api, opened.program, {
    projectDir,
    outFile,
    ...(parsed === undefined ? {} : { memory: parsed.memoryOf(tsconfig) }),
  })
  if (diagnostics.length > 0) return { status: 'failed', files: [], diagnostics, hasCompiled: true }

  const fingerprint = fingerprintOf(application)
  const relativeTo = (file: string): string => relative(projectDir, file).split(sep).join('/')
  const project = relativeTo(tsconfig)
  const graph = buildGraph(application, {
    generator: GENERATOR_VERSION,
    fingerprint,
    relative: relativeTo,
    ...(project === 'tsconfig.json' ? {} : { project }),
  })
  const texts: readonly (readonly [string, string])[] = [
    [outFile, emitFile(application, { outFile, fingerprint, hasTsExtensions: importsTs(opened.program) })],
    [graphFile, `${JSON.stringify(graph, null, 2)}\n`],
  ]
  const stale = texts.filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text)
  if (task.isCheck && stale.length > 0) return { status: 'stale', files: stale.map(([file]) => file), diagnostics: [], hasCompiled: true }
  for (const [file, text] of stale) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const ofPackages = application.packages.flatMap(({ files }) => files)
  writeRecord(recordPath(projectDir), {
    tool: task.tool,
    ...stateOfInputs(opened, { projectDir, without: outFile, more: [...opened.configFiles, ...ofPackages] }),
    files: sources,
    outputs: Object.fromEntries(texts.map(([file, text]) => [file, hashOf(text)])),
  })
  return { status: stale.length > 0 ? 'written' : 'unchanged', files, diagnostics: [], hasCompiled: true }
}

/** Whether sources are imported as `./cart.ts`, which may also be their name at run time. */
function importsTs(program: ts.Program): boolean {
  const { allowImportingTsExtensions, rewriteRelativeImportExtensions } = program.getCompilerOptions()
  return allowImportingTsExtensions === true || rewriteRelativeImportExtensions === true
}

/**
 * The package's own files by content, others by time and size: there are many, and they change only
 * when something is installed or built.
 */
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
