import type { LogEntry } from '@weaver/sdk/contract'

/**
 * Whether an entry is the runtime's: not a component's, and not written around the logger. Its
 * problems concern every reader.
 */
export function isSystem({ component, level }: LogEntry): boolean {
  return component === undefined && (level === 'debug' || level === 'info')
}
