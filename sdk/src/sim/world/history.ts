/** The events of one execution, in order: plain data, the same in each run of the same case. */
import { stringify } from 'fast-check'

export type SimEventKind =
  'start' | 'end' | 'request' | 'reply' | 'lost' | 'failed' | 'retry' | 'cancel' | 'crash' | 'restart' | 'timer' | 'log' | 'violation'

export interface SimEvent {
  /** Virtual milliseconds since the start of the execution. */
  readonly atMs: number
  readonly kind: SimEventKind
  /** The actor: `op 1`, `bank/Bank`; with several replicas `bank/Bank 0`. */
  readonly from: string
  /** The receiver, if there is one. */
  readonly to?: string
  readonly text: string
}

/** Maximum length of a value's text, in characters. */
const MAX_VALUE = 80

/** Values as shown in the history. */
export function textOfValue(value: unknown): string {
  const text = stringify(value)
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE - 1)}…`
}

export function textOfArgs(args: readonly unknown[]): string {
  return `(${args.map(textOfValue).join(', ')})`
}

/** Name and message; for platform failures the code. */
export function textOfError(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return textOfValue(error)
  const { code, message, name } = error as { readonly code?: unknown; readonly message: unknown; readonly name?: unknown }
  const what = typeof code === 'string' ? code : typeof name === 'string' ? name : 'Error'
  return `${what}: ${String(message).split('\n', 1)[0]}`
}

/** One line per event. */
export function historyText(history: readonly SimEvent[]): string {
  const width = Math.max(0, ...history.map(({ from, to }) => placeOf(from, to).length))
  return history.map(({ atMs, from, to, text }) => `${String(atMs).padStart(6)} ms  ${placeOf(from, to).padEnd(width)}  ${text}`).join('\n')
}

function placeOf(from: string, to: string | undefined): string {
  return to === undefined ? from : `${from} → ${to}`
}
