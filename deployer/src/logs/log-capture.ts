/** For deployers: what a child process writes to a stream, as log entries. */
import { StringDecoder } from 'node:string_decoder'
import { parseJsonLine, type LogEntry } from '@weaver/sdk/contract'

/**
 * A longer line is cut into entries of this length: a child that never ends a line must not fill
 * the deployer's memory.
 */
const MAX_LINE = 64 * 1024

export interface LineCapture {
  write(chunk: Uint8Array): void
  /** The stream is at its end: a last line without a line end is given too. */
  end(): void
}

export interface CaptureOptions {
  readonly stream: 'stdout' | 'stderr'
  /** What is known of the child, for lines that it wrote past its logger. */
  readonly of: Partial<Pick<LogEntry, 'app' | 'version' | 'deploymentId' | 'group' | 'replica'>>
  readonly onEntry: (entry: LogEntry) => void
  /** A line with nothing in it, which is no entry. */
  readonly onBlank?: () => void
  /** @default the time of day */
  readonly now?: () => Date
}

/**
 * Turns the bytes of a child's stdout or stderr into entries: its own JSON lines as they are, any
 * other line as one of level `stdout` or `stderr`.
 */
export function captureLines(options: CaptureOptions): LineCapture {
  const { stream, of, onEntry, onBlank, now = () => new Date() } = options
  const decoder = new StringDecoder('utf8') // a character may come in two chunks
  let rest = ''
  const give = (line: string): void => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text === '') return onBlank?.()
    const own = parseJsonLine(text)
    onEntry(own === undefined ? { time: now().toISOString(), level: stream, message: text, ...of, attributes: {} } : { ...of, ...own })
  }
  const take = (text: string): void => {
    rest += text
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) give(line)
    for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) give(rest.slice(0, MAX_LINE))
  }
  return {
    write: (chunk) => take(decoder.write(Buffer.from(chunk))),
    end() {
      take(decoder.end())
      if (rest !== '') give(rest)
      rest = ''
    },
  }
}
