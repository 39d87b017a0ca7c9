import { inspect } from 'node:util'
import { ENTRY_FIELDS, type LogEntry } from '../contract/logs.js'
import { context } from '../context/context.js'
import { parseTraceparent } from './tracing/trace-context.js'

export type LogFields = Readonly<Record<string, unknown>>

/**
 * Creates an entry for a log call. Fields named like entry fields go there, all others become
 * attributes.
 */
export function logEntry(of: {
  readonly level: LogEntry['level']
  readonly message: string
  readonly fields: LogFields
  readonly source?: string | undefined
}): LogEntry {
  const own: Record<string, string> = {}
  const attributes: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(of.fields))
    if ((ENTRY_FIELDS as readonly string[]).includes(name) && typeof value === 'string') own[name] = value
    else if (value !== undefined) attributes[name] = value
  const trace = parseTraceparent(context().traceparent)
  return {
    time: new Date().toISOString(),
    level: of.level,
    message: typeof of.message === 'string' ? of.message : inspect(of.message), // JavaScript callers may pass anything
    ...(of.source === undefined ? {} : { source: of.source }),
    ...(trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId }),
    ...own,
    attributes,
  }
}
