/** Log entries as lines: JSON for machines, columns for people. */
import { inspect } from 'node:util'
import { ENTRY_FIELDS, type LogEntry } from './logs.js'
import { isError, safeJson } from './safe-json.js'

const LINE_FIELDS: ReadonlySet<string> = new Set(['ts', 'level', 'msg', ...ENTRY_FIELDS])

/**
 * One JSON object and a line end: `ts`, `level`, `msg`, the entry's fields, its attributes. An
 * attribute with the name of a field is prefixed with `_`.
 */
export function jsonLine(entry: LogEntry): string {
  const line: Record<string, unknown> = { ts: entry.time, level: entry.level, msg: entry.message }
  for (const name of ENTRY_FIELDS) if (entry[name] !== undefined) line[name] = entry[name]
  for (const [name, value] of Object.entries(entry.attributes)) line[LINE_FIELDS.has(name) ? `_${name}` : name] = value
  return `${safeJson(line)}\n`
}

/** The entry of a line written by {@link jsonLine}; `undefined` for any other line. */
export function parseJsonLine(text: string): LogEntry | undefined {
  if (!text.startsWith('{')) return undefined
  let line: Record<string, unknown>
  try {
    line = JSON.parse(text) as Record<string, unknown> // it starts with a brace, and the fields are checked next
  } catch {
    return undefined
  }
  const { ts, level, msg, ...rest } = line
  if (typeof ts !== 'string' || typeof level !== 'string' || typeof msg !== 'string' || !Object.hasOwn(LEVELS, level)) return undefined
  const own: Record<string, string> = {}
  const attributes: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rest))
    if ((ENTRY_FIELDS as readonly string[]).includes(name) && typeof value === 'string') own[name] = value
    else attributes[name] = value
  return { time: ts, level: level as LogEntry['level'], message: msg, ...own, attributes } // it was checked to be a key of LEVELS
}

/** A name in Node's table of colours. */
type Style = string
const LEVELS: Readonly<Record<LogEntry['level'], { readonly letter: string; readonly style?: Style }>> = {
  debug: { letter: 'D', style: 'gray' },
  info: { letter: 'I' },
  warn: { letter: 'W', style: 'yellow' },
  error: { letter: 'E', style: 'redBright' },
  stdout: { letter: 'S' },
  stderr: { letter: 'S', style: 'yellow' },
}
/** Easy to distinguish on dark and light backgrounds. */
const HUES: readonly Style[] = [
  'cyan',
  'magenta',
  'green',
  'blue',
  'yellowBright',
  'cyanBright',
  'magentaBright',
  'greenBright',
  'blueBright',
]
/** Columns grow with their content up to this width, so that few lines jump. */
const WIDEST = 28

export interface PrettyOptions {
  readonly isColored?: boolean
  /** For entries of more than one process. @default false */
  readonly showsReplica?: boolean
  /**
   * The columns of Service Weaver: level with month and day, time, component (`stdout` or `stderr`
   * for a line written around the logger), replica, source.
   * @default false
   */
  readonly isDated?: boolean
}
/** Entries of the runtime itself have this name in place of a component's. */
const RUNTIME = 'weaver'

/**
 * Creates a printer for people: time, level, replica, component, source, message, attributes; below
 * them an error's stack. Each name has its own colour, and a timestamp in the same second as the
 * previous line is dimmed. Control characters are shown, not sent.
 */
export function prettyPrinter(options: PrettyOptions = {}): (entry: LogEntry) => string {
  const paint = (style: Style | undefined, text: string): string =>
    options.isColored === true && style !== undefined ? painted(style, text) : text
  const { isDated = false } = options
  const widths: Record<string, number> = isDated ? {} : { replica: 8, component: 16, source: 12 }
  const column = (name: 'replica' | 'component' | 'source', text: string): string => {
    const width = (widths[name] = Math.min(WIDEST, Math.max(widths[name] ?? 0, text.length)))
    return paint(text === '' ? undefined : hueOf(text), text) + ' '.repeat(Math.max(0, width - text.length))
  }
  let lastSecond = ''
  return (entry) => {
    const { letter, style } = LEVELS[entry.level]
    const second = entry.time.slice(0, 19)
    const time = paint(second === lastSecond ? 'dim' : undefined, visible(entry.time.slice(11, 23)))
    lastSecond = second
    const dated = (): readonly string[] => [
      paint(style, letter + visible(entry.time.slice(5, 10).replace('-', ''))),
      time,
      column('component', visible(entry.component ?? (letter === 'S' ? entry.level : RUNTIME))),
      column('replica', visible(entry.replica ?? '')),
      ...(entry.source === undefined && widths['source'] === undefined ? [] : [column('source', visible(fileOf(entry.source)))]),
    ]
    const plain = (): readonly string[] => [
      time,
      paint(style, letter),
      ...(options.showsReplica === true ? [column('replica', visible(entry.replica ?? ''))] : []),
      column('component', visible(entry.component ?? '')),
      column('source', visible(fileOf(entry.source))),
    ]
    const head = isDated ? dated() : plain()
    const attributes = Object.entries(entry.attributes).sort(([a], [b]) => (a < b ? -1 : 1))
    const shown = attributes.map(([name, value]) => `${paint('dim', `${valueText(name)}=`)}${valueText(value)}`).join(' ')
    const stacks = attributes.flatMap(([, value]) => stackOf(value)).map((line) => `${paint('dim', visible(line))}\n`)
    return `${head.join(' ')} ${paint('dim', '│')} ${paint(style, messageText(entry.message))}${shown === '' ? '' : `  ${shown}`}\n${stacks.join('')}`
  }
}

function painted(style: Style, text: string): string {
  const [on, off] = inspect.colors[style] ?? [0, 0]
  return `\x1b[${on}m${text}\x1b[${off}m`
}

/** `/app/dist/cart.js:12` becomes `cart.js:12`. */
function fileOf(source: string | undefined): string {
  return source === undefined ? '' : source.slice(source.lastIndexOf('/') + 1)
}

/** Indents all lines but the first, so that none looks like an entry. */
function messageText(message: string): string {
  return message.split(/\r?\n/).map(visible).join('\n    ')
}

function valueText(value: unknown): string {
  if (isErrorLike(value)) return visible(safeJson(value.message))
  return typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value) ? value : visible(safeJson(value))
}

/**
 * Control characters other than tabs become `\xNN`: logged text may come from anywhere, and must
 * not control the terminal.
 */
function visible(text: string): string {
  return text.replace(/(?!\t)\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** An error, or one that arrived as JSON. */
function isErrorLike(
  value: unknown,
): value is { readonly message: string; readonly stack: string; readonly cause?: unknown; readonly errors?: unknown } {
  return isError(value)
}

/** Causes nested deeper are omitted: a chain this long is a cycle. */
const MAX_CAUSES = 20

function stackOf(value: unknown, depth = 0): readonly string[] {
  if (!isErrorLike(value) || depth > MAX_CAUSES) return []
  const parts = [value.cause, ...(Array.isArray(value.errors) ? value.errors : [])].map((part) => stackOf(part, depth + 1))
  return [
    ...value.stack.split('\n').map((line) => `    ${line}`),
    ...parts.flatMap((lines, part) =>
      lines.map((line, i) => (i === 0 ? `    ${part === 0 ? 'caused by' : 'one of them'}: ${line.trim()}` : line)),
    ),
  ]
}

function hueOf(name: string): Style | undefined {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0
  return HUES[hash % HUES.length]
}
