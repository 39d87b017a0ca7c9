import { Command, CommanderError } from 'commander'
import type { CliContext } from '../context.js'
import { completionCommand } from './completion.js'
import { generateCommand } from './generate.js'
import { callgraphCommand, diffCommand } from './graph.js'
import { imageCommand } from './image/push.js'
import { kubeCommand } from './kube/kube.js'
import { singleCommand } from './single/deploy.js'
import { EXIT } from '../errors/catalogue.js'
import { printVersion, versionCommand } from './version.js'

/** The whole command line. Building it has no effect; commander prints through the context's output and ends nothing. */
export function createProgram(context: CliContext): Command {
  const program = new Command('weaver')
    .description('Write a modular monolith in TypeScript, deploy it as microservices, upgrade it atomically.')
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what there is)')
    // `kube logs --version ID` has a flag of the same name: those of the program stand before the command
    .enablePositionalOptions()
    .option('-v, --version', 'print the version')
    .on('option:version', () => {
      printVersion(context)
      throw new CommanderError(EXIT.ok, 'commander.version', '')
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 wrong usage or input, 124 --timeout ended, 130 Ctrl-C. All flags, exit codes, environment\nvariables and keys of weaver.toml: docs/cli.md',
    )
  const commands = [
    versionCommand,
    generateCommand,
    callgraphCommand,
    diffCommand,
    singleCommand,
    kubeCommand,
    imageCommand,
    completionCommand,
  ]
  for (const command of commands) program.addCommand(command(context))
  applyEverywhere(program, context)
  return program
}

/** `addCommand` hands nothing down, so the settings of the program are repeated for each command. */
function applyEverywhere(command: Command, context: CliContext): void {
  const { output } = context
  command
    .configureOutput({ writeOut: (text) => output.result(text.trimEnd()), writeErr: (text) => output.progress(text.trimEnd()) })
    .exitOverride()
    .configureHelp({ showGlobalOptions: false, helpWidth: 120 })
  for (const child of command.commands) {
    child.showSuggestionAfterError().showHelpAfterError('(--help shows what there is)')
    applyEverywhere(child, context)
  }
}
