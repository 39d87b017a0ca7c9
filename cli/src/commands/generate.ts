import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { Command } from 'commander'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'

export function generateCommand(context: CliContext): Command {
  return new Command('generate')
    .description('write the codecs, stubs and component graph of a package from its TypeScript types; runs none of its code')
    .argument('[dir]', 'folder of the package', '.')
    .option('--check', 'write nothing; fail when a file is stale')
    .option('--watch', 'go on, and generate again after every change of a source; Ctrl-C ends it')
    .option('--json', 'print JSON')
    .action(async (dir: string, flags: { readonly check?: true; readonly watch?: true; readonly json?: true }) => {
      // the compiler is loaded by this command only
      const { formatDiagnostic, generate } = await import('@weaver/codegen')
      const projectDir = resolve(context.cwd, dir)
      if (flags.watch === true) {
        if (flags.check === true) throw cliError('WEAVER_CLI_USAGE', '--watch and --check contradict each other; give one of them')
        return watchUntilSignal(context, projectDir, flags.json === true)
      }
      const result = await generate({ projectDir, check: flags.check === true })
      if (flags.json === true) context.output.json(result)
      else if (result.status === 'failed')
        for (const diagnostic of result.diagnostics) context.output.progress(formatDiagnostic(diagnostic))
      const files = result.files.map((file) => relative(context.cwd, file)).join(', ')
      if (result.status === 'failed')
        throw cliError(
          'WEAVER_CLI_GENERATE_FAILED',
          `nothing was generated for "${dir}": ${result.diagnostics.length} problem${result.diagnostics.length === 1 ? '' : 's'}, see above`,
        )
      if (result.status === 'stale')
        throw cliError('WEAVER_CLI_GENERATED_STALE', `${files}: stale; run \`weaver generate${dir === '.' ? '' : ` ${dir}`}\``)
      if (flags.json !== true) context.output.result(`${files}: ${result.status === 'written' ? 'written' : 'up to date'}`)
    })
}

async function watchUntilSignal(context: CliContext, projectDir: string, isJson: boolean): Promise<void> {
  const { formatDiagnostic, watchPackage } = await import('@weaver/codegen')
  const { output } = context
  if (!existsSync(projectDir)) throw cliError('WEAVER_CLI_USAGE', `there is no folder "${projectDir}"; give that of the package`)
  const watching = watchPackage({ projectDir }, (result) => {
    if (isJson) output.json(result)
    else if (result.status !== 'failed')
      output.result(
        `${result.files.map((file) => relative(context.cwd, file)).join(', ')}: ${result.status === 'written' ? 'written' : 'up to date'}`,
      )
    else {
      for (const diagnostic of result.diagnostics) output.progress(formatDiagnostic(diagnostic))
      output.progress('nothing was generated; waiting for the next change')
    }
  })
  await new Promise<void>((resolve) => {
    const release = context.onSignal(() => {
      release()
      resolve()
    })
  })
  await watching.close()
}
