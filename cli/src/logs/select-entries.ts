import type { LogEntry } from '@weaver/sdk/contract'
import type { LogSelectionFlags } from './selection-flags.js'
import { parseLogQuery } from './query/log-query.js'
import { isSystem } from './system-entries.js'

export interface EntrySelection {
  readonly isShown: (entry: LogEntry) => boolean
  /**
   * The problem to report at the end: for how many entries the query failed, and how for the first.
   */
  readonly problem: () => string | undefined
}

/** @throws WeaverError `WEAVER_CLI_LOG_QUERY` */
export function selectEntries({ query = '', system = undefined }: LogSelectionFlags): EntrySelection {
  let failures = 0
  let first = ''
  const matches = parseLogQuery(query, ({ message }) => {
    if (failures++ === 0) first = message
  })
  return {
    isShown: (entry) => (system === true || !isSystem(entry)) && matches(entry),
    problem: () =>
      failures === 0
        ? undefined
        : `the query failed over ${failures} ${failures === 1 ? 'entry, which is' : 'entries, which are'} left out; over the first: ${first}`,
  }
}
