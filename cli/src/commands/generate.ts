import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { Diagnostic, GenerateResult, Watching } from '@weaver/codegen'
import { Command } from 'commander'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'
import { declaresNothing, type PackageResult } from '../generate/generate-packages.js'
import { loadCodegen } from '../generate/load-codegen.js'
import { rememberedProject } from '../generate/remembered-project.js'
import type { WorkspacePackage } from '../generate/workspace-packages.js'

interface GenerateFlags {
  readonly check?: true
  readonly watch?: true
  readonly json?: true
  readonly project?: string
}

export function generateCommand(context: CliContext): Command {
  return new Command('generate')
    .description('write the codecs, stubs and component graph of a package from its TypeScript types; runs none of its code')
    .argument(
      '[dir]',
      'folder of the package, or of a workspace: then all its packages with components, each after those it depends on',
      '.',
    )
    .option('--check', 'write nothing; fail when a file is stale')
    .option('--watch', 'go on, and generate again after every change of a source; Ctrl-C ends it')
    .option(
      '--project <file>',
      'the tsconfig of the sources, in the folder of the package (default: that of the last run, else tsconfig.json, or what it refers to)',
    )
    .option('--json', 'print JSON')
    .action(async (dir: string, flags: GenerateFlags) => {
      const projectDir = resolve(context.cwd, dir)
      if (flags.watch === true && flags.check === true)
        throw cliError('WEAVER_CLI_USAGE', '--watch and --check contradict each other; give one of them')
      if (flags.watch === true && !existsSync(projectDir))
        throw cliError('WEAVER_CLI_USAGE', `there is no folder "${projectDir}"; give that of the package`)
      const { workspacePackages } = await import('../generate/workspace-packages.js')
      // A tsconfig belongs to one package.
      const packages = flags.project === undefined ? await workspacePackages(projectDir) : undefined
      if (packages?.length === 0)
        throw cliError('WEAVER_CLI_USAGE', `the workspace "${dir}" has no package with a tsconfig.json that depends on @weaver/sdk`)
      const one: WorkspacePackage = { name: dir, folder: projectDir, dependencies: [] }
      if (flags.watch === true) return watchUntilSignal(context, packages ?? [one], flags)
      if (packages === undefined) return generateOne(context, one, flags)
      return generateAll(context, packages, flags)
    })
}

const projectOf = ({ project }: GenerateFlags, folder: string): { readonly tsconfig?: string } =>
  project === undefined ? rememberedProject(folder) : { tsconfig: project }

async function generateOne(context: CliContext, { name: dir, folder }: WorkspacePackage, flags: GenerateFlags): Promise<void> {
  // only this command loads the compiler, and only if something has changed
  const { generate } = await loadCodegen()
  const result = await generate({ projectDir: folder, check: flags.check === true, ...projectOf(flags, folder) })
  if (flags.json === true) context.output.json(result)
  else if (result.status === 'failed') await printDiagnostics(context, result.diagnostics)
  const files = filesOf(context, result)
  if (result.status === 'failed')
    throw cliError(
      'WEAVER_CLI_GENERATE_FAILED',
      `nothing was generated for "${dir}": ${countOf(result.diagnostics.length, 'problem')}, see above`,
    )
  if (result.status === 'stale')
    throw cliError('WEAVER_CLI_GENERATED_STALE', `${files}: stale; run \`weaver generate${dir === '.' ? '' : ` ${dir}`}\``)
  if (flags.json !== true) context.output.result(`${files}: ${wordOf(result)}`)
}

async function generateAll(context: CliContext, packages: readonly WorkspacePackage[], flags: GenerateFlags): Promise<void> {
  const { ParsedFiles } = await loadCodegen()
  const { generatePackages } = await import('../generate/generate-packages.js')
  const { output } = context
  const tell = async (made: PackageResult): Promise<void> => {
    if ('blockedBy' in made) output.progress(`${made.name}: not tried, because ${made.blockedBy} failed`)
    else if (made.result.status === 'failed') await printDiagnostics(context, made.result.diagnostics, made.folder)
    else if (made.result.status === 'stale') output.progress(`${filesOf(context, made.result)}: stale`)
    else output.result(`${filesOf(context, made.result)}: ${wordOf(made.result)}`)
  }
  const results = await generatePackages(packages, {
    check: flags.check === true,
    parsed: new ParsedFiles(),
    onResult: async (made) => (flags.json === true ? undefined : tell(made)),
  })
  if (flags.json === true) output.json(results.map(toJson))
  const failed = results.filter((made) => 'blockedBy' in made || made.result.status === 'failed')
  const stale = results.filter((made) => !('blockedBy' in made) && made.result.status === 'stale')
  const names = (of: readonly PackageResult[]): string => of.map(({ name }) => name).join(', ')
  if (failed.length > 0)
    throw cliError(
      'WEAVER_CLI_GENERATE_FAILED',
      `nothing was generated for ${countOf(failed.length, 'package')}, see above: ${names(failed)}`,
    )
  if (stale.length > 0)
    throw cliError(
      'WEAVER_CLI_GENERATED_STALE',
      `${countOf(stale.length, 'package')} stale: ${names(stale)}; run \`weaver generate\` at the root of the workspace`,
    )
  if (results.length === 0)
    throw cliError(
      'WEAVER_CLI_GENERATE_FAILED',
      `no package of the workspace declares a component or calls run(): ${packages.map(({ name }) => name).join(', ')}`,
    )
}

/** A package with new output makes those that depend on it run again. */
async function watchUntilSignal(context: CliContext, packages: readonly WorkspacePackage[], flags: GenerateFlags): Promise<void> {
  const isJson = flags.json === true
  const { ParsedFiles, watchPackage } = await loadCodegen()
  const { output } = context
  const parsed = new ParsedFiles()
  const watchers = new Map<string, Watching>()
  const isAlone = packages.length === 1
  for (const one of packages) {
    await new Promise<void>((hadFirst) => {
      const watching = watchPackage({ projectDir: one.folder, parsed, ...projectOf(flags, one.folder) }, (result) => {
        void tell(one, result).then(hadFirst)
        if (result.status === 'written')
          for (const above of packages) if (above.dependencies.includes(one.name)) watchers.get(above.name)?.runAgain()
      })
      watchers.set(one.name, watching)
    })
  }
  async function tell(one: WorkspacePackage, result: GenerateResult): Promise<void> {
    if (isJson) return output.json(isAlone ? result : toJson({ ...one, result }))
    if (result.status !== 'failed') return output.result(`${filesOf(context, result)}: ${wordOf(result)}`)
    if (!isAlone && declaresNothing(result)) return
    await printDiagnostics(context, result.diagnostics, isAlone ? undefined : one.folder)
    output.progress('nothing was generated; waiting for the next change')
  }
  await new Promise<void>((resolve) => {
    const release = context.onSignal(() => {
      release()
      resolve()
    })
  })
  for (const watching of watchers.values()) await watching.close()
}

/** @param folder of the package; shown with its messages when there are several packages */
async function printDiagnostics({ output, cwd }: CliContext, diagnostics: readonly Diagnostic[], folder?: string): Promise<void> {
  const { formatDiagnostic } = await loadCodegen()
  const prefix = folder === undefined ? '' : relative(cwd, folder)
  for (const diagnostic of diagnostics) {
    const { file } = diagnostic
    output.progress(
      formatDiagnostic(prefix === '' ? diagnostic : { ...diagnostic, file: file === undefined ? prefix : `${prefix}/${file}` }),
    )
  }
}

function filesOf({ cwd }: CliContext, { files }: GenerateResult): string {
  return files.map((file) => relative(cwd, file)).join(', ')
}

const wordOf = ({ status }: GenerateResult): string => (status === 'written' ? 'written' : 'up to date')
const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

function toJson(made: PackageResult): object {
  const { name, folder } = made
  return 'blockedBy' in made
    ? { package: name, folder, status: 'blocked', blockedBy: made.blockedBy }
    : { package: name, folder, ...made.result }
}
