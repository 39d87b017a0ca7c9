import { dirname } from 'node:path'
import type ts from 'typescript-api'
import { stampOf } from './input-cache.js'

/** Parsed files that one run leaves to the next in the same process (`--watch`); a file is parsed anew when its time or size has changed. */
export class ParsedFiles {
  readonly #files = new Map<string, { readonly stamp: string; readonly file: ts.SourceFile }>()
  /** The program of the last run; the compiler takes over what did not change. */
  program: ts.Program | undefined

  get(path: string, parse: () => ts.SourceFile | undefined): ts.SourceFile | undefined {
    const stamp = stampOf(path)
    const known = this.#files.get(path)
    if (known?.stamp === stamp) return known.file
    const file = parse()
    if (file !== undefined) this.#files.set(path, { stamp, file })
    return file
  }
}

export interface OpenedProgram {
  readonly program: ts.Program
  /** The tsconfig and those that it extends. */
  readonly configFiles: readonly string[]
}

const STAND_IN = `import type { WeaverGen } from '@weaver/sdk/internal'\nexport declare const weaver: WeaverGen\n`

/** The package as the compiler sees it, with a stand-in for the generated file: what it says now must not matter. @returns the reason when it cannot be read. */
export function openProgram(
  api: typeof ts,
  at: { readonly tsconfig: string; readonly outFile: string },
  parsed: ParsedFiles = new ParsedFiles(),
): OpenedProgram | string {
  const { tsconfig, outFile } = at
  const text = (diagnostic: ts.Diagnostic): string => api.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
  const configFile = api.readJsonConfigFile(tsconfig, (path) => api.sys.readFile(path))
  const config = api.parseJsonSourceFileConfigFileContent(configFile, api.sys, dirname(tsconfig), undefined, tsconfig)
  const errors = [...((configFile as { readonly parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics ?? []), ...config.errors] // not declared, but there since 2.0
  const [problem] = errors.filter((found) => found.code !== 18003) // "No inputs were found": told as WVG041
  if (problem !== undefined) return `"${tsconfig}": ${text(problem)}`
  const options: ts.CompilerOptions = { ...config.options, noEmit: true, composite: false, incremental: false, skipLibCheck: true }
  delete options.tsBuildInfoFile
  const host = api.createCompilerHost(options)
  host.jsDocParsingMode = api.JSDocParsingMode.ParseNone // a third of the time that parsing takes; no rule reads comments
  const { fileExists, readFile, getSourceFile } = host
  let standIn: ts.SourceFile | undefined
  host.fileExists = (path) => path === outFile || fileExists.call(host, path)
  host.readFile = (path) => (path === outFile ? STAND_IN : readFile.call(host, path))
  host.getSourceFile = (path, target, ...rest) =>
    path === outFile
      ? (standIn ??= parsed.program?.getSourceFile(path) ?? api.createSourceFile(path, STAND_IN, target))
      : parsed.get(path, () => getSourceFile.call(host, path, target, ...rest))
  const rootNames = [...new Set([...config.fileNames, outFile])]
  const program = api.createProgram({ rootNames, options, host, ...(parsed.program === undefined ? {} : { oldProgram: parsed.program }) })
  parsed.program = program
  return { program, configFiles: [tsconfig, ...(configFile.extendedSourceFiles ?? [])] }
}
