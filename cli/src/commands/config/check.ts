import { Command } from 'commander'
import { checkFile } from './check-file.js'
import { configInvalid } from '../../config/config-problem.js'
import type { CliContext } from '../../context.js'
import { EXIT } from '../../errors/catalogue.js'

export function checkCommand(context: CliContext): Command {
  return new Command('check')
    .description('check a weaver.toml as every deployer would; starts nothing but a describe run of the built application')
    .argument('[weaver.toml]', 'the file', 'weaver.toml')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit codes: 0 nothing is wrong, 2 something is, or the file cannot be read.')
    .action(async (file: string, flags: { readonly json?: true }) => {
      const { env, cwd, output } = context
      const warnings: string[] = []
      const { problems, unchecked } = await checkFile(file, { env, cwd, onWarning: (line) => warnings.push(line) })
      if (flags.json === true) {
        output.json({ file, problems, unchecked, warnings })
        if (problems.length > 0) context.setExitCode(EXIT.usage)
        return
      }
      for (const line of [...unchecked, ...warnings]) output.warn(line)
      if (problems.length > 0) throw configInvalid(file, problems)
      output.result(`${file}: nothing is wrong`)
    })
}
