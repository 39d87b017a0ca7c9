import type { Argument, Command, Option } from 'commander'

/** What may stand at a position of the command line. */
export type Value =
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'file'; readonly extension?: string }
  | { readonly kind: 'folder' }
  /** Nothing can be proposed. */
  | { readonly kind: 'free' }

export interface CompletionOption {
  /** `--namespace` */
  readonly long: string
  /** `-n` */
  readonly short?: string
  readonly description: string
  /** Absent for a switch. */
  readonly value?: Value
}

/**
 * A command with its path from the root: `weaver kube deploy`. It has either commands, or options
 * and an argument.
 */
export interface CompletionNode {
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CompletionOption[]
  readonly argument: Value
}

/** Every command of the tree, the root first. */
export function completionNodes(command: Command, parent = ''): readonly CompletionNode[] {
  const path = `${parent}${command.name()}`
  const node: CompletionNode = {
    path,
    commands: visibleCommands(command).map((child) => ({ name: child.name(), description: child.description() })),
    options: command.createHelp().visibleOptions(command).map(describeOption),
    argument: valueOf(command.registeredArguments[0]),
  }
  return [node, ...visibleCommands(command).flatMap((child) => completionNodes(child, `${path} `))]
}

/** Those of a command that `--help` lists. */
export function visibleCommands(command: Command): readonly Command[] {
  const help = command.createHelp()
  return help.visibleCommands(command).filter((child) => command.commands.includes(child)) // not commander's own `help`
}

function describeOption(option: Option): CompletionOption {
  return {
    long: option.long ?? option.flags, // all of ours have a long name
    ...(option.short === undefined ? {} : { short: option.short }),
    description: option.description,
    ...(option.required || option.optional ? { value: valueOf(option) } : {}),
  }
}

function valueOf(from: Argument | Option | undefined): Value {
  if (from === undefined) return { kind: 'free' }
  if (from.argChoices !== undefined) return { kind: 'choice', of: from.argChoices }
  const named = 'flags' in from ? (/<(.+)>/.exec(from.flags)?.[1] ?? '') : from.name()
  if (named.endsWith('.toml')) return { kind: 'file', extension: 'toml' }
  if (named === 'file') return { kind: 'file' }
  return named === 'dir' ? { kind: 'folder' } : { kind: 'free' }
}
