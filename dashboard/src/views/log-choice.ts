/** Which entries a page, or a program, asks for: part of its URL, so that it can be shared. Pure; used on the server and in the browser. */

export interface LogChoice {
  readonly query: string
  /** Shown levels; empty: all. */
  readonly levels: readonly string[]
  /** Also what the runtime says below the level warn. */
  readonly system: boolean
}

export const LEVELS: readonly string[] = ['error', 'warn', 'info', 'debug', 'stderr', 'stdout']

export function parseChoice(search: URLSearchParams): LogChoice {
  const asked = search.getAll('level')
  return {
    query: search.get('query') ?? '',
    levels: LEVELS.filter((level) => asked.includes(level)),
    system: ['1', 'true', 'on'].includes(search.get('system') ?? ''),
  }
}

/** `?query=…`, or nothing. */
export function formatChoice({ query, levels, system }: LogChoice): string {
  const search = new URLSearchParams()
  if (query !== '') search.set('query', query)
  for (const level of levels) search.append('level', level)
  if (system) search.set('system', '1')
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The entries of one trace, also those of the runtime. */
export function traceChoice(traceId: string): LogChoice {
  return { query: `trace_id == ${JSON.stringify(traceId)}`, levels: [], system: true }
}

/** The entries of one process. */
export function replicaChoice(replica: string): LogChoice {
  return { query: `replica == ${JSON.stringify(replica)}`, levels: [], system: false }
}
