/** Reads tsconfig.json: the project that includes the sources of a package. */
import { existsSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import type ts from 'typescript-api'
import { CATALOGUE, type Diagnostic } from './diagnostics.js'

export interface Project {
  readonly config: ts.ParsedCommandLine
  /** The tsconfig that includes the sources. */
  readonly path: string
  /** Every file read on the way to it. */
  readonly configFiles: readonly string[]
}

/**
 * A tsconfig without files that references others (`"files": [], "references": […]`) stands for
 * them: for the first whose sources import the SDK, else the first that has any.
 * @returns what is wrong
 */
export function readProject(api: typeof ts, tsconfig: string): Project | readonly Diagnostic[] {
  return read(api, tsconfig, { base: dirname(tsconfig), seen: new Set() })
}

function read(
  api: typeof ts,
  tsconfig: string,
  of: { readonly base: string; readonly seen: Set<string> },
): Project | readonly Diagnostic[] {
  of.seen.add(tsconfig)
  const configFile = api.readJsonConfigFile(tsconfig, (path) => api.sys.readFile(path))
  const config = api.parseJsonSourceFileConfigFileContent(configFile, api.sys, dirname(tsconfig), undefined, tsconfig)
  const errors = [...((configFile as { readonly parseDiagnostics?: readonly ts.Diagnostic[] }).parseDiagnostics ?? []), ...config.errors] // not declared, but present since 2.0
  const references = config.projectReferences ?? []
  const isEmpty = config.fileNames.length === 0
  // "No inputs were found" is reported as WVG041. "The files list is empty" is fine if it
  // references others.
  const problems = errors.filter(({ code }) => code !== 18003 && !(code === 18002 && references.length > 0))
  if (problems.length > 0) return problems.map((found) => inConfig(api, found, { tsconfig, base: of.base }))
  const own: Project = { config, path: tsconfig, configFiles: [tsconfig, ...(configFile.extendedSourceFiles ?? [])] }
  if (!isEmpty) return own
  const projects: Project[] = []
  for (const reference of references) {
    const path = api.resolveProjectReferencePath(reference)
    if (of.seen.has(path)) continue
    if (!existsSync(path)) return [problem(`it refers to "${relative(of.base, path)}", which does not exist`, relative(of.base, tsconfig))]
    const found = read(api, path, of)
    if (isDiagnostics(found)) return found
    projects.push(found)
  }
  const chosen = projects.find((project) => importsSdk(api, project)) ?? projects.find((project) => project.config.fileNames.length > 0)
  if (chosen === undefined) return own
  // A change of any of them may change the choice.
  return { ...chosen, configFiles: [...new Set([...own.configFiles, ...projects.flatMap(({ configFiles }) => configFiles)])] }
}

function isDiagnostics(found: Project | readonly Diagnostic[]): found is readonly Diagnostic[] {
  return Array.isArray(found)
}

function importsSdk(api: typeof ts, { config }: Project): boolean {
  const sources = config.fileNames.filter((file) => !/\.(test|d)\.[cm]?tsx?$/.test(file))
  return sources.some((file) => /\bfrom\s*['"]@weaver\/sdk['"]/.test(api.sys.readFile(file) ?? ''))
}

function problem(message: string, file: string): Diagnostic {
  return { code: 'WVG040', message, hint: CATALOGUE.WVG040.hint, file }
}

function inConfig(
  api: typeof ts,
  { file, start, messageText }: ts.Diagnostic,
  of: { readonly tsconfig: string; readonly base: string },
): Diagnostic {
  const at = file === undefined || start === undefined ? undefined : file.getLineAndCharacterOfPosition(start)
  return {
    ...problem(api.flattenDiagnosticMessageText(messageText, ' '), relative(of.base, file?.fileName ?? of.tsconfig)), // it may be in one that this one extends
    ...(at === undefined ? {} : { line: at.line + 1, column: at.character + 1 }),
  }
}
