import { relative, resolve } from 'node:path'
import { Command } from 'commander'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'

export function generateCommand(context: CliContext): Command {
  return new Command('generate')
    .description('write the codecs, stubs and component graph of a package from its TypeScript types; runs none of its code')
    .argument('[dir]', 'folder of the package', '.')
    .option('--check', 'write nothing; fail when a file is stale')
    .option('--json', 'print JSON')
    .action(async (dir: string, flags: { readonly check?: true; readonly json?: true }) => {
      // the compiler is loaded by this command only
      const { formatDiagnostic, generate } = await import('@weaver/codegen')
      const projectDir = resolve(context.cwd, dir)
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
