import type { Command } from 'commander'
import { createProgram } from '../program.js'
import { formatTomlPath } from '../config/config-problem.js'
import { APPLICATION_SECTIONS, FOREIGN_SECTIONS } from '../config/weaver-toml-schema.js'
import type { CliContext } from '../context.js'
import { visibleCommands } from '../completion/completion-tree.js'
import { ENVIRONMENT } from './environment.js'
import { CLI_ERRORS, EXIT, type ExitCode } from '../errors/catalogue.js'
import { createStyle, type Output } from '../print/output.js'
import { tomlSections, type TomlKey } from './toml-reference.js'

const EXIT_MEANING: Readonly<Record<ExitCode, string>> = {
  [EXIT.ok]: 'success',
  [EXIT.failed]: 'it failed; the message says why',
  [EXIT.usage]: 'the command line or an input file is wrong; nothing was changed',
  [EXIT.timeout]: '`--timeout` ended, as with timeout(1); a rollout goes on',
  [EXIT.interrupted]: 'Ctrl-C; a rollout goes on',
  [EXIT.unread]:
    'nobody reads the output any more (`weaver multi deploy … | head`): `single deploy` and `multi deploy` have stopped the application in order',
}

/**
 * The text of docs/cli.md: the commands as `--help` prints them, exit codes, errors, environment
 * variables and the keys of weaver.toml.
 */
export async function cliReference(): Promise<string> {
  const commands = commandsBelow(await inertProgram())
  const paragraphs = [
    '# The `weaver` command',
    '<!-- Made from the command tree, the schema of weaver.toml and the catalogue of errors by `npm run generate -w cli`. Do not edit. -->',
    'Results go to stdout, everything else to stderr. `--json` prints JSON that stays stable within a release line. Durations are written as `90s`, `10m` or `1h30m`.',
    '`weaver NAME …` of any other name runs the program `weaver-NAME` of the PATH with all its arguments, as git does; its exit code is that of the command.',
    asksFirst(commands),
    'Contents: [commands](#commands), [exit codes](#exit-codes), [errors](#errors), [environment variables](#environment-variables), [weaver.toml](#weavertoml).',
    '## Commands',
    ...commands.flatMap(([path, command]) => [`### \`${path}\``, `\`\`\`text\n${command.helpInformation().trimEnd()}\n\`\`\``]),
    'Tab completion: `source <(weaver completion bash)`, `source <(weaver completion zsh)`, or `weaver completion fish | source`.',
    '## Exit codes',
    Object.entries(EXIT_MEANING)
      .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
      .join('\n'),
    '`weaver single deploy` ends with the exit code of the application, and where a signal ended that, with 128 and the number of the signal: 137 after `kill -9`. It says so on stderr unless the code is 0.',
    '## Errors',
    'An error is printed as `error <code>: <message>`. Each message says what failed, on which object, why, and what to do. `WEAVER_DEBUG=1` adds the stack trace. The number is the exit code.',
    Object.entries(CLI_ERRORS)
      .map(([code, { exit, when }]) => `- \`${code}\` (${exit}): ${when}`)
      .join('\n'),
    '## Environment variables',
    Object.entries(ENVIRONMENT)
      .map(([name, meaning]) => `- \`${name}\`: ${meaning}`)
      .join('\n'),
    '## weaver.toml',
    'One file for every deployer. Unknown keys and wrong types are errors, all reported at once as `file:line:column: key: what is wrong; what to do`.',
    ...tomlSections().flatMap(({ name, keys }) => [
      `### \`[${name}]\``,
      ...(name === 'serviceweaver'
        ? [
            `Also written as ${APPLICATION_SECTIONS.slice(1)
              .map((other) => `\`[${formatTomlPath([other])}]\``)
              .join(' or ')}.`,
          ]
        : []),
      keys.map(keyLine).join('\n'),
    ]),
    '### `["package/Component"]`',
    'Configuration of a component, under its full name in quotes. Its keys are those that the component declares by `config()`; `weaver kube deploy` and `weaver kube manifest` check them, and the application does when it starts.',
    '### Other sections',
    `${FOREIGN_SECTIONS.map((name) => `\`[${name}]\``).join(', ')} are let pass unread, so that one file serves several tools. Any other section is an error.`,
  ]
  return `${paragraphs.join('\n\n')}\n`
}

/** Every command with an action, with its path from the root: `weaver kube deploy`. */
export function commandsBelow(command: Command, prefix = ''): readonly (readonly [path: string, command: Command])[] {
  const path = `${prefix}${command.name()}`
  if (command.commands.length === 0) return [[path, command]]
  return visibleCommands(command).flatMap((child) => commandsBelow(child, `${path} `))
}

/** The rule, with those that it holds for. */
function asksFirst(commands: readonly (readonly [path: string, command: Command])[]): string {
  const asking = commands.filter(([, { options }]) => options.some(({ long }) => long === '--yes')).map(([path]) => `\`${path}\``)
  return [
    `What ends something that serves, or deletes something that was kept, asks first when it is on a terminal, and elsewhere needs \`--yes\`, which also skips the question: ${asking.join(', ')}.`,
    '(`kube deploy` asks only when a rollout is under way, and elsewhere warns and goes on.)',
    'The verbs of a rollout do not ask, `abort`, `rollback` and `promote --full` included: traffic moves to a version that serves, and another verb takes that back.',
  ].join(' ')
}

function keyLine({ path, type, isRequired, byDefault, description }: TomlKey): string {
  const facts = [type, ...(isRequired ? ['required'] : [])].join('; ')
  return `- \`${path}\` (${facts}): ${description}${byDefault === undefined ? '' : ` Default: ${byDefault}.`}`
}

/** The whole command tree, as completion sees it; to be read, not run. */
export function inertProgram(): Promise<Command> {
  return createProgram(INERT, ['completion'])
}

const nothing = (): void => undefined
const SILENT: Output = {
  result: nothing,
  json: nothing,
  raw: nothing,
  progress: nothing,
  warn: nothing,
  error: nothing,
  style: createStyle(false),
  isColored: false,
  columns: 120,
}
const INERT: CliContext = { env: {}, cwd: '/', output: SILENT, onSignal: () => nothing, setExitCode: nothing }
