/**
 * Queries over log entries: expressions of CEL (github.com/google/cel-spec), as in Service Weaver,
 * type-checked before the first entry.
 */
import { Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js'
import { nearestName } from '@weaver/crds'
import type { LogEntry } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import { LOG_FIELDS } from './log-fields.js'

/** Whether an entry matches. One for which the query fails does not. */
export type LogQuery = (entry: LogEntry) => boolean

const METHODS = ['contains', 'startsWith', 'endsWith', 'matches']
/**
 * A sample entry: running a query on it reveals wrong constants before the first real entry does.
 */
const PROBE: LogEntry = { time: '2020-01-01T00:00:00.000Z', level: 'info', message: '', attributes: {} }

/**
 * Parses a query such as `level == "error" && component == "Cart" && attrs["sku"].contains("tea")`.
 * An empty one matches everything.
 * @param onFailure receives the error of each entry on which the query fails, such as
 * `int(attrs["count"]) > 3` on a count of "many"
 * @throws WeaverError `WEAVER_CLI_LOG_QUERY` with the place and, for an unknown name, the nearest
 * known one
 */
export function parseLogQuery(query: string, onFailure: (error: Error) => void = () => undefined): LogQuery {
  if (query.trim() === '') return () => true
  const environment = new Environment({ unlistedVariablesAreDyn: false })
  for (const [name, { type }] of Object.entries(LOG_FIELDS)) environment.registerVariable(name, type)
  const parsed = attempt(() => environment.parse(query))
  const { valid: isValid, type, error } = parsed.check()
  if (!isValid) throw wrong(error)
  if (type !== 'bool')
    throw cliError(
      'WEAVER_CLI_LOG_QUERY',
      `the query \`${query}\` is a ${type ?? 'value'}, and must be true or false: compare it with something`,
    )
  const ask = (entry: LogEntry, onError: (error: unknown) => void): boolean => {
    try {
      return parsed(Object.fromEntries(Object.entries(LOG_FIELDS).map(([name, field]) => [name, field.read(entry)]))) === true
    } catch (cause) {
      // `attrs["k"] == "v"` on an entry without k; the other side of an `||` has been evaluated
      // already.
      if (!(cause instanceof EvaluationError && cause.code === 'no_such_key')) onError(cause)
      return false
    }
  }
  ask(PROBE, (cause) => {
    throw wrong(cause)
  })
  return (entry) => ask(entry, (cause) => onFailure(cause instanceof Error ? cause : new Error(String(cause))))
}

function attempt<R>(body: () => R): R {
  try {
    return body()
  } catch (cause) {
    throw wrong(cause)
  }
}

/** The library's message shows the line, with a caret below the place. */
function wrong(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause
  const hint = hintFor(cause)
  return cliError('WEAVER_CLI_LOG_QUERY', `the query is wrong: ${cause.message}${hint === '' ? '' : `\n${hint}`}`, { cause })
}

function hintFor(cause: Error): string {
  const [, name] = /^Unknown variable: (\w+)/.exec(cause.message) ?? []
  if (name !== undefined) {
    const near = nearestName(name, Object.keys(LOG_FIELDS))
    return `${near === undefined ? '' : `did you mean ${near}? `}fields: ${Object.keys(LOG_FIELDS).join(', ')}`
  }
  const [, method] = /overload for '[^']*?\.(\w+)\(/.exec(cause.message) ?? []
  if (method !== undefined && !METHODS.includes(method)) {
    const near = nearestName(method, METHODS)
    return `${near === undefined ? '' : `did you mean ${near}? `}methods of a text: ${METHODS.join(', ')}`
  }
  if (cause.message.startsWith('no such overload: google.protobuf.Timestamp')) return 'compare time with timestamp("2026-11-24T10:00:00Z")'
  if (/^no such overload: (?:string \S+ (?:int|double|bool|list<)|(?:int|double|bool) \S+ string)/.test(cause.message))
    return 'fields and attributes are texts: compare with a text in quotes, or as numbers by double(attrs["count"]) > 3'
  if (cause.message.startsWith('Unexpected character: =')) return 'equal is =='
  if (cause instanceof ParseError && cause.message.startsWith('Unexpected token: EOF')) return 'something is missing at the end'
  return ''
}
