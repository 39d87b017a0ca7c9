import { Command, CommanderError } from 'commander'
import type { CliContext } from './context.js'
import { EXIT } from './errors/catalogue.js'
import { findExternal, runExternal } from './commands/external.js'
import { GROUPS } from './commands/groups.js'
import { printVersion } from './commands/version.js'

type MakeCommand = (context: CliContext) => Command

/**
 * In the order of `--help`. Each is loaded when it is named: loading what `kube` needs would take
 * most of the time of a `generate`.
 */
const COMMANDS: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  version: async () => (await import('./commands/version.js')).versionCommand,
  init: async () => (await import('./commands/init.js')).initCommand,
  dev: async () => (await import('./commands/dev.js')).devCommand,
  generate: async () => (await import('./commands/generate.js')).generateCommand,
  callgraph: async () => (await import('./commands/graph.js')).callgraphCommand,
  diff: async () => (await import('./commands/graph.js')).diffCommand,
  config: async () => (await import('./commands/config/config.js')).configCommand,
  single: async () => (await import('./commands/single/single.js')).singleCommand,
  multi: async () => (await import('./commands/multi/multi.js')).multiCommand,
  ssh: async () => (await import('./commands/ssh/ssh.js')).sshCommand,
  'gke-local': async () => (await import('./commands/gke-local/gke-local.js')).gkeLocalCommand,
  kube: async () => (await import('./commands/kube/kube.js')).kubeCommand,
  operator: async () => (await import('./commands/operator/operator.js')).operatorCommand,
  image: async () => (await import('./commands/image/push.js')).imageCommand,
  completion: async () => (await import('./commands/completion.js')).completionCommand,
}
/** Describes all the others. */
const NEEDS_ALL = 'completion'
/** Alone, each of these prints the list of commands, or less. */
const LISTS: ReadonlySet<string> = new Set(['', '-h', '--help', 'help', '-v', '--version'])

/**
 * The command line: the command that the arguments begin with, or all commands; for a name that is
 * not ours, the program `weaver-NAME` of the PATH. Building it has no effect; commander prints to
 * the context's output and never exits.
 * @param args without node and script
 */
export async function createProgram(context: CliContext, args: readonly string[] = []): Promise<Command> {
  const program = new Command('weaver')
    .description('Write a modular monolith in TypeScript, deploy it as microservices, upgrade it atomically.')
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what there is)')
    // `kube logs --version ID` shares its name with a flag of the program, which comes before the
    // command
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
  const [first = '', second] = args
  const isOurs = Object.hasOwn(COMMANDS, first)
  const isOne = isOurs && first !== NEEDS_ALL
  const isList = LISTS.has(first) && second === undefined
  const external = isOurs || isList || first.startsWith('-') ? undefined : findExternal(first, context.env)
  if (external !== undefined) return program.addCommand(externalCommand(first, external, context))
  // one after the other: test runners link the modules of one graph at a time
  for (const [name, load] of Object.entries(COMMANDS))
    if (isList && isGroup(name)) program.command(name).description(GROUPS[name])
    else if (!isOne || name === first) program.addCommand((await load())(context))
  applyEverywhere(program, context)
  const groups = program.commands.filter(({ commands }) => commands.some((verb) => verb.name() === first))
  if (!isOne && groups.length > 0)
    program.on('command:*', () => {
      const meant = groups
        .map((group) => `\`weaver ${group.name()} ${first}\``)
        .join(', ')
        .replace(/, (?=[^,]*$)/, ' or ')
      program.error(`error: unknown command '${first}'; did you mean ${meant}?`, { exitCode: EXIT.usage, code: 'commander.unknownCommand' })
    })
  return program
}

function isGroup(name: string): name is keyof typeof GROUPS {
  return Object.hasOwn(GROUPS, name)
}

/** Everything after its name belongs to the program, including `--help`. */
function externalCommand(name: string, path: string, context: CliContext): Command {
  return new Command(name)
    .argument('[args...]')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (args: readonly string[]) => context.setExitCode(await runExternal(path, args, context)))
}

/** `addCommand` passes no settings down, so those of the program are repeated for each command. */
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
