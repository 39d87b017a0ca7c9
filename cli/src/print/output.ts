import type { Writable } from 'node:stream'

/**
 * The two streams of a command: results go to stdout, everything else to stderr, so that stdout can
 * be piped. The only module of this package that writes to either.
 */
export interface Output {
  /** Prints one result and a newline to stdout. */
  result(text: string): void
  /** Prints a result for machines to stdout: one JSON document and a newline. */
  json(value: unknown): void
  /** Passes on a child process's output unchanged. */
  raw(to: 'stdout' | 'stderr', data: string | Uint8Array): void
  /** Reports what is being done, on stderr. */
  progress(text: string): void
  warn(text: string): void
  /** @param code the code in the error catalogue, if it has one */
  error(text: string, code?: string): void
  /**
   * An area at the end of stderr that is redrawn in place; `undefined` if stderr is not a terminal.
   */
  readonly live?: LiveArea
  readonly style: Style
  /** Whether `style` uses colours. */
  readonly isColored: boolean
  /** Width of the terminal in columns. @default 120 if there is none */
  readonly columns: number
}

export interface LiveArea {
  draw(lines: readonly string[]): void
  /** Leaves the last drawing in place. */
  done(): void
}

export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
}

interface Terminal extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface OutputOptions {
  readonly stdout: Terminal
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A terminal gets colours unless `NO_COLOR` is set to a non-empty text or `TERM` is `dumb`. */
export function createOutput({ stdout, stderr, env }: OutputOptions): Output {
  const isDumb = env['TERM'] === 'dumb'
  const isColored = stderr.isTTY === true && stdout.isTTY === true && !isDumb && (env['NO_COLOR'] ?? '') === ''
  const style = createStyle(isColored)
  const live = stderr.isTTY === true && !isDumb ? createLiveArea(stderr) : undefined
  return {
    result: (text) => void stdout.write(`${text}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    raw: (to, data) => void (to === 'stdout' ? stdout : stderr).write(data),
    progress: (text) => void stderr.write(`${text}\n`),
    warn: (text) => void stderr.write(`${style.yellow('warning')}: ${text}\n`),
    error: (text, code) => void stderr.write(`${style.red('error')}${code === undefined ? '' : ` ${code}`}: ${text}\n`),
    ...(live === undefined ? {} : { live }),
    style,
    isColored,
    columns: stderr.columns ?? 120,
  }
}

export function createStyle(isColoured: boolean): Style {
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      isColoured ? `\u001B[${open}m${text}\u001B[${close}m` : text
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39), yellow: paint(33, 39) }
}

function createLiveArea(stream: Terminal): LiveArea {
  let drawn = 0
  return {
    draw(lines) {
      const width = stream.columns ?? 120
      const up = drawn === 0 ? '' : `\u001B[${drawn}A`
      stream.write(`${up}\r\u001B[0J${lines.map((line) => clip(line, width - 1)).join('\n')}\n`)
      drawn = lines.length
    },
    done() {
      drawn = 0
    },
  }
}

/** Truncates to a number of visible characters; a wrapped line would spoil the redraw. */
function clip(line: string, width: number): string {
  let visible = 0
  let cut = ''
  // eslint-disable-next-line no-control-regex
  for (const [part] of line.matchAll(/\u001B\[[0-9;]*m|[\s\S]/gu)) {
    if (!part.startsWith('\u001B')) {
      if (visible === width) continue
      visible++
    }
    cut += part
  }
  return cut
}
