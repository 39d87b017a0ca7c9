import type { LogEntry } from '@weaver/sdk/contract'
import type { Command } from 'commander'
import { parseLogQuery } from './query/log-query.js'

/** Flags of every command that prints logs. */
export interface LogSelectionFlags {
  readonly query?: string
  readonly system?: true
}

export function withLogSelectionFlags(command: Command): Command {
  return command
    .option('--query <expression>', 'entries only for which it is true, such as \'level == "error" && component == "Cart"\'')
    .option('--system', 'also what the runtime itself says below the level warn')
}

/** Whether an entry is shown. @throws WeaverError `WEAVER_CLI_LOG_QUERY` */
export function selectEntries({ query = '', system = undefined }: LogSelectionFlags): (entry: LogEntry) => boolean {
  const matches = parseLogQuery(query)
  return (entry) => (system === true || !isSystem(entry)) && matches(entry)
}

/** Of the runtime, not of a component, nor a line that was written past the logger. What went wrong there concerns everybody. */
export function isSystem({ component, level }: LogEntry): boolean {
  return component === undefined && (level === 'debug' || level === 'info')
}
