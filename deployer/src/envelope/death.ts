/** How one process of a weavelet ended, as data and in words. */
import { prettyPrinter, type LogEntry } from '@weaver/sdk/contract'

export type DeathCause =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** The system could not start it; `error.code` says why: `ENOENT`, `EACCES`. */
  | { readonly kind: 'spawn'; readonly error: NodeJS.ErrnoException }
  /** Its machine does not answer any more, and has ended it for that: nothing of it runs. */
  | { readonly kind: 'lost'; readonly machine: string }
  /** It ran, but was not ready in time; the envelope ended it. */
  | { readonly kind: 'late'; readonly afterMs: number }

export interface Death {
  readonly cause: DeathCause
  /** `undefined`: it never ran. */
  readonly pid: number | undefined
  /** How long it was ready, in milliseconds. @default 0, it never was */
  readonly readyMs: number
  /** The last entries that it wrote, oldest first, at most {@link LAST_ENTRIES}. */
  readonly lastEntries: readonly LogEntry[]
}

/**
 * Entries of a process that are kept for the case that it dies: what explains a death is nearly
 * always among its last lines.
 */
export const LAST_ENTRIES = 30

/** "exited with code 1", to follow the name of the weavelet. */
export function causeText(cause: DeathCause): string {
  switch (cause.kind) {
    case 'exit':
      return `exited with code ${cause.code}`
    case 'signal':
      return `was killed by ${cause.signal}`
    case 'spawn':
      return `cannot be started: ${cause.error.message}`
    case 'lost':
      return `was lost with its machine "${cause.machine}"`
    case 'late':
      return `was not ready after ${cause.afterMs / 1_000} s`
  }
}

/** What it said last, for people; empty when it said nothing. */
export function lastWords({ lastEntries }: Pick<Death, 'lastEntries'>): string {
  const print = prettyPrinter()
  return lastEntries
    .map((entry) => (entry.level === 'stdout' || entry.level === 'stderr' ? entry.message : print(entry).trimEnd()))
    .join('\n')
}

/** Cause and last words. */
export function deathText(death: Death): string {
  const words = lastWords(death)
  return words === '' ? causeText(death.cause) : `${causeText(death.cause)}:\n${words}`
}
