import { inspect } from 'node:util'
import { ENTRY_FIELDS, type LogEntry } from '../contract/logs.js'
import { context } from '../rpc/context.js'
import type { LogFields } from './logger.js'
import { parseTraceparent } from './trace-context.js'

/** The entry for something that is logged now. Fields with the names of entry fields go there, the others are attributes. */
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
    message: of.message,
    ...(of.source === undefined ? {} : { source: of.source }),
    ...(trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId }),
    ...own,
    attributes,
  }
}

/** JSON that never throws and never loses an entry: bigints as text, errors with their cause chain, what cannot be written as Node shows it. */
export function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? 'null'
  } catch {
    // A circle, or a toJSON() that throws.
    if (typeof value !== 'object' || value === null) return JSON.stringify(inspect(value))
    return `{${Object.entries(value)
      .map(([name, part]) => `${JSON.stringify(name)}:${partJson(part)}`)
      .join(',')}}`
  }
}

function partJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? 'null'
  } catch {
    return JSON.stringify(inspect(value, { depth: 3, breakLength: Infinity }))
  }
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : isError(value) ? errorFields(value) : value
}

/** By its look: test runners have several realms. */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value && typeof value.stack === 'string'
}

function errorFields(error: Error): unknown {
  const { name, message, stack, code, cause, details } = error as Error & { readonly code?: unknown; readonly details?: unknown }
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details }),
    stack,
    ...(cause === undefined ? {} : { cause: isError(cause) ? cause : String(cause) }),
  }
}
