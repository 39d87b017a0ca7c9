/**
 * Builds a package again and again while its sources are edited, and says which components an edit
 * concerns. Only what an edit touches is checked and emitted, by the compiler's own incremental
 * builder, with the tsconfig of the package: the output is that of `tsc`, which goes on from it.
 *
 * I1  A package with an error is not emitted: what the last good run wrote stays.
 * I2  A concern is told from good run to good run; what fails in between is part of the next one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import type ts from 'typescript-api'
import { GRAPH_FILE, MAIN_COMPONENT, parseGraph } from '@weaver/sdk/contract'
import { formatDiagnostic } from '../diagnostics.js'
import { stampOf } from '../input-cache.js'
import { readProject, type Project } from '../read-project.js'
import { concernOf, tokensOf, type Application, type Concern } from './concern.js'
import { readParts, wholeModule, type ModuleParts } from './module-parts.js'

const api = createRequire(import.meta.url)('typescript-api') as typeof ts // the package's types describe its CommonJS module

export interface DevBuildOptions {
  /** Folder of the package. */
  readonly projectDir: string
  /** @default "tsconfig.json" in `projectDir` */
  readonly tsconfig?: string
  /** The file that is run: an output of the compiler, or a source. */
  readonly binary: string
  /** Another tool makes the binary: nothing is checked or emitted here. @default false */
  readonly isBuiltElsewhere?: boolean
  /** Messages in colour, with the lines that they are about. @default false */
  readonly isColored?: boolean
}

export type DevBuildResult =
  /** `text` as `tsc` prints it. */
  | { readonly status: 'failed'; readonly text: string; readonly errors: number }
  /** Files relative to the package. */
  | { readonly status: 'built'; readonly concern: Concern; readonly changed: readonly string[] }

type Builder = ts.EmitAndSemanticDiagnosticsBuilderProgram

export class DevBuild {
  readonly #options: DevBuildOptions
  readonly #tsconfig: string
  readonly #parsed = new Map<string, { readonly stamp: string; readonly file: ts.SourceFile }>()
  readonly #parts = new Map<string, { readonly text: string; readonly parts: ModuleParts }>()
  #builder: Builder | undefined
  #parsedWith = ''
  #application: Application | undefined

  constructor(options: DevBuildOptions) {
    this.#options = options
    this.#tsconfig = resolve(options.projectDir, options.tsconfig ?? 'tsconfig.json')
  }

  /** The first one concerns everything. */
  update(): DevBuildResult {
    const project = readProject(api, this.#tsconfig)
    if (!('config' in project)) return { status: 'failed', text: project.map(formatDiagnostic).join('\n'), errors: project.length }
    const outputs = this.#outputsOf(project)
    const isSource = project.config.fileNames.includes(this.#options.binary)
    const isElsewhere = this.#options.isBuiltElsewhere === true
    const entry = isSource ? this.#options.binary : [...outputs].find(([, output]) => output === this.#options.binary)?.[0]
    if (!isElsewhere && entry === undefined) return failed(this.#notMade(project))
    const options = isSource || isElsewhere ? { ...project.config.options, noEmit: true } : project.config.options
    const builder = this.#open(project, options)
    const errors = isElsewhere ? [] : problemsOf(builder)
    if (errors.length > 0) return this.#failed(errors)
    if (options.noEmit !== true) {
      const { diagnostics } = builder.emit()
      if (diagnostics.length > 0) return this.#failed(diagnostics)
    }
    const program = builder.getProgram()
    const emitted = (source: string): string | undefined => (options.noEmit === true ? undefined : outputs.get(source))
    const application = this.#read(program, { entry: entry ?? this.#starting(program), emitted })
    const before = this.#application
    this.#application = application // I2
    if (before === undefined) return { status: 'built', concern: { kind: 'everything' }, changed: [] }
    const sources = new Set([...before.modules.keys(), ...application.modules.keys()])
    const changed = [...sources].filter((source) => before.modules.get(source) !== application.modules.get(source))
    const concern = concernOf(before, application, MAIN_COMPONENT)
    return { status: 'built', concern, changed: changed.map((source) => relative(this.#options.projectDir, source)).sort() }
  }

  #outputsOf({ config }: Project): ReadonlyMap<string, string> {
    const sources = config.fileNames.filter((name) => !/\.d\.[cm]?ts$/.test(name))
    const scripts = (source: string) => api.getOutputFileNames(config, source, !api.sys.useCaseSensitiveFileNames).find((name) => /\.([cm]?jsx?|json)$/.test(name)) // prettier-ignore
    return new Map(sources.flatMap((source) => ((output) => (output === undefined ? [] : [[source, resolve(output)]]))(scripts(source))))
  }

  #notMade({ config, path }: Project): string {
    const { projectDir, binary } = this.#options
    const why =
      config.options.noEmit === true || config.options.emitDeclarationOnly === true
        ? 'emits no JavaScript'
        : `has no source for it; its output goes to "${relative(projectDir, config.options.outDir ?? dirname(path))}"`
    return `"${relative(projectDir, binary)}", the binary, is not what the compiler makes: "${relative(projectDir, path)}" ${why}. Correct \`binary\`, or say what builds it: \`--build 'npm run build'\``
  }

  #open({ config }: Project, options: ts.CompilerOptions): Builder {
    const host = api.createIncrementalCompilerHost(options)
    const { getSourceFile } = host
    const parsedWith = JSON.stringify(options)
    if (parsedWith !== this.#parsedWith) this.#parsed.clear()
    this.#parsedWith = parsedWith
    host.getSourceFile = (path, ...rest) => {
      const stamp = stampOf(path)
      const known = this.#parsed.get(path)
      if (known?.stamp === stamp) return known.file
      const file = getSourceFile.call(host, path, ...rest)
      if (file !== undefined) this.#parsed.set(path, { stamp, file })
      return file
    }
    const old = this.#builder ?? (options.noEmit === true ? undefined : api.readBuilderProgram(options, host))
    const { fileNames, errors, projectReferences } = config
    this.#builder = api.createEmitAndSemanticDiagnosticsBuilderProgram(fileNames, options, host, old, errors, projectReferences)
    return this.#builder
  }

  #read(
    program: ts.Program,
    of: { readonly entry: string | undefined; readonly emitted: (source: string) => string | undefined },
  ): Application {
    const { projectDir } = this.#options
    const modules = new Map<string, ModuleParts>()
    const options = program.getCompilerOptions()
    const cache = api.createModuleResolutionCache(projectDir, (name) => name, options)
    for (const file of program.getSourceFiles()) {
      if (file.isDeclarationFile || program.isSourceFileFromExternalLibrary(file)) continue
      const output = of.emitted(file.fileName)
      const text = output === undefined ? transpiled(file, options) : readFileSync(output, 'utf8')
      const known = this.#parts.get(file.fileName)
      if (known?.text === text) {
        modules.set(file.fileName, known.parts)
        continue
      }
      const resolveIn = (specifier: string): string => {
        if (specifier.startsWith('@weaver/sdk')) return specifier // calls of it are recognised by that
        const mode = api.isExternalModule(file) ? api.ModuleKind.ESNext : undefined
        const found = api.resolveModuleName(specifier, file.fileName, options, api.sys, cache, undefined, mode)
        const path = found.resolvedModule?.resolvedFileName
        return path !== undefined && program.getSourceFile(path)?.isDeclarationFile === false ? path : specifier
      }
      const parts = file.fileName.endsWith('.json') ? wholeModule(text) : readParts(text, resolveIn)
      this.#parts.set(file.fileName, { text, parts })
      modules.set(file.fileName, parts)
    }
    const generated = join(projectDir, 'src', 'weaver.gen.ts')
    const graphFile = join(projectDir, GRAPH_FILE)
    const tokens = existsSync(graphFile)
      ? tokensOf(parseGraph(readFileSync(graphFile, 'utf8')), (source) => resolve(projectDir, source))
      : new Map<string, never>()
    return { modules, entry: of.entry, generated, tokens }
  }

  /** The one source that calls `run()`. */
  #starting(program: ts.Program): string | undefined {
    const found = program
      .getSourceFiles()
      .filter(({ isDeclarationFile, text }) => !isDeclarationFile && /\bfrom\s*['"]@weaver\/sdk['"]/.test(text) && /\brun\(/.test(text))
    return found.length === 1 ? found[0]?.fileName : undefined
  }

  #failed(diagnostics: readonly ts.Diagnostic[]): DevBuildResult {
    const { projectDir, isColored = false } = this.#options
    const host: ts.FormatDiagnosticsHost = {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => projectDir,
      getNewLine: () => '\n',
    }
    const sorted = api.sortAndDeduplicateDiagnostics(diagnostics)
    const text = isColored ? api.formatDiagnosticsWithColorAndContext(sorted, host) : api.formatDiagnostics(sorted, host)
    return { status: 'failed', text: text.trimEnd(), errors: sorted.length }
  }
}

function failed(text: string): DevBuildResult {
  return { status: 'failed', text, errors: 1 }
}

function problemsOf(builder: Builder): readonly ts.Diagnostic[] {
  const first = [...builder.getConfigFileParsingDiagnostics(), ...builder.getOptionsDiagnostics(), ...builder.getSyntacticDiagnostics()]
  // A file that cannot be parsed has nothing sensible to say of types.
  const all = first.length > 0 ? first : [...builder.getGlobalDiagnostics(), ...builder.getSemanticDiagnostics()]
  return all.filter(({ category }) => category === api.DiagnosticCategory.Error)
}

function transpiled(file: ts.SourceFile, options: ts.CompilerOptions): string {
  const { verbatimModuleSyntax = false, jsx } = options
  const compilerOptions = {
    target: api.ScriptTarget.ESNext,
    module: api.ModuleKind.ESNext,
    verbatimModuleSyntax,
    ...(jsx === undefined ? {} : { jsx }),
  }
  return file.fileName.endsWith('.json')
    ? file.text
    : api.transpileModule(file.text, { compilerOptions, fileName: file.fileName }).outputText
}
