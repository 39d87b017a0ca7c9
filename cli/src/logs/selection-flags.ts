import type { Command } from 'commander'

/** Flags of every command that prints logs. */
export interface LogSelectionFlags {
  readonly query?: string
  readonly system?: true
}

export function withLogSelectionFlags(command: Command): Command {
  return command
    .option('--query <expression>', 'entries only for which it is true, such as \'level == "error" && component == "Cart"\'')
    .option('--system', 'also entries of the runtime itself below the level warn')
}
