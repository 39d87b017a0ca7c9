import { dirname, relative } from 'node:path'
import type ts from 'typescript-api'
import { CATALOGUE, type Diagnostic } from './diagnostics.js'
import { stampOf } from './input-cache.js'
import { readProject } from './read-project.js'
import { RunMemory } from './run-memory.js'

/**
 * Parsed files that one run hands to the next in the same process (`--watch`, the packages of a
 * workspace). A file is parsed again when its time or size has changed. Compiler options affect
 * parsing and binding, so only packages with equal options share files.
 */
export class ParsedFiles {
  readonly #byOptions = new Map<string, Map<string, { readonly stamp: string; readonly file: ts.SourceFile }>>()
  readonly #programs = new Map<string, ts.Program>()
  readonly #memories = new Map<string, RunMemory>()

  get(path: string, options: string, parse: () => ts.SourceFile | undefined): ts.SourceFile | undefined {
    const files = this.#byOptions.get(options) ?? new Map<string, { readonly stamp: string; readonly file: ts.SourceFile }>()
    this.#byOptions.set(options, files)
    const stamp = stampOf(path)
    const known = files.get(path)
    if (known?.stamp === stamp) return known.file
    const file = parse()
    if (file !== undefined) files.set(path, { stamp, file })
    return file
  }

  /** The program of the last run; the compiler reuses the unchanged parts. */
  programOf(tsconfig: string): ts.Program | undefined {
    return this.#programs.get(tsconfig)
  }

  memoryOf(tsconfig: string): RunMemory {
    const memory = this.#memories.get(tsconfig) ?? new RunMemory()
    this.#memories.set(tsconfig, memory)
    return memory
  }

  keep(tsconfig: string, program: ts.Program): void {
    this.#programs.set(tsconfig, program)
  }
}

/** Options that only name places. */
const PLACES = new Set([
  'baseUrl',
  'configFilePath',
  'declarationDir',
  'outDir',
  'outFile',
  'paths',
  'pathsBasePath',
  'rootDir',
  'rootDirs',
  'typeRoots',
])

function parsingOptions(options: ts.CompilerOptions): string {
  return JSON.stringify(Object.entries(options).filter(([name]) => !PLACES.has(name)).sort()) // prettier-ignore
}

export interface OpenedProgram {
  readonly program: ts.Program
  /** The tsconfig, and those that it extends and references. */
  readonly configFiles: readonly string[]
}

const STAND_IN = `import type { WeaverGen } from '@weaver/sdk/internal'\nexport declare const weaver: WeaverGen\n`

/**
 * The package as the compiler sees it, with a stand-in for the generated file, whose present
 * content must not matter.
 * @returns what is wrong with its tsconfig
 */
export function openProgram(
  api: typeof ts,
  at: { readonly tsconfig: string; readonly outFile: string },
  parsed: ParsedFiles = new ParsedFiles(),
): OpenedProgram | readonly Diagnostic[] {
  const { tsconfig, outFile } = at
  const project = readProject(api, tsconfig)
  if (!('config' in project)) return project
  const { config } = project
  const options: ts.CompilerOptions = { ...config.options, noEmit: true, composite: false, incremental: false, skipLibCheck: true }
  delete options.tsBuildInfoFile
  if (!(options.strictNullChecks ?? options.strict ?? false))
    return [
      { code: 'WVG051', message: 'strictNullChecks is off', hint: CATALOGUE.WVG051.hint, file: relative(dirname(tsconfig), project.path) },
    ]
  const host = api.createCompilerHost(options)
  host.jsDocParsingMode = api.JSDocParsingMode.ParseNone // parsing takes a third less time; no rule reads comments
  const { fileExists, readFile, getSourceFile } = host
  const parsing = parsingOptions(options)
  const oldProgram = parsed.programOf(tsconfig)
  let standIn: ts.SourceFile | undefined
  host.fileExists = (path) => path === outFile || fileExists.call(host, path)
  host.readFile = (path) => (path === outFile ? STAND_IN : readFile.call(host, path))
  host.getSourceFile = (path, target, ...rest) =>
    path === outFile
      ? (standIn ??= oldProgram?.getSourceFile(path) ?? api.createSourceFile(path, STAND_IN, target))
      : parsed.get(path, parsing, () => getSourceFile.call(host, path, target, ...rest))
  const rootNames = [...new Set([...config.fileNames, outFile])]
  const program = api.createProgram({ rootNames, options, host, ...(oldProgram === undefined ? {} : { oldProgram }) })
  parsed.keep(tsconfig, program)
  return { program, configFiles: project.configFiles }
}
