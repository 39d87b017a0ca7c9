/**
 * One selection of the entries of one deployment, as rows with numbers. It grows at its end; a row
 * keeps its number. All viewers of the same selection share it.
 *
 * I1  It holds a place per row, and no entry. Beyond `maxRows` the oldest rows are dropped, and
 *     `first` says how many.
 * I2  Levels are counted over all entries that the query selects, whichever levels are shown.
 */
import type { LogEntry } from '@weaver/sdk/contract'
import type { LogFeed, LogSelector } from '../source.js'
import { cutEntry } from './cut-entry.js'
import { Places } from './places.js'

/** Places of so many rows take 32 MB. */
const MAX_ROWS = 4_000_000

export interface LogSummary {
  /** Row numbers of another epoch are others: the dashboard has read everything anew. */
  readonly epoch: string
  /** Rows before it were dropped. */
  readonly first: number
  /** One more than the number of the newest row. */
  readonly total: number
  readonly counts: Readonly<Record<string, number>>
  /** Whether all that is kept has been read. */
  readonly isCurrent: boolean
  /** Entries that the query failed over, or why reading has ended. */
  readonly problem?: string
}

export interface LogRow {
  readonly row: number
  /** Absent: it is no longer kept. */
  readonly entry?: LogEntry
  /** The entry is longer than this. */
  readonly isCut?: true
}

export interface LogViewOptions {
  readonly key: string
  readonly selector: LogSelector
  /** Shown levels; empty: all. */
  readonly levels: readonly string[]
  readonly onProblem: (error: unknown) => void
  readonly maxRows?: number
}

let epochs = 0

export class LogView {
  readonly #feed: LogFeed
  readonly #options: LogViewOptions
  readonly #epoch = `${process.pid.toString(36)}-${Date.now().toString(36)}-${++epochs}`
  readonly #places: Places
  readonly #counts: Record<string, number> = {}
  readonly #over = new AbortController()
  readonly #waiting = new Set<() => void>()
  #isCurrent = false
  #failure: string | undefined

  constructor(feed: LogFeed, options: LogViewOptions) {
    this.#feed = feed
    this.#options = options
    this.#places = new Places(options.maxRows ?? MAX_ROWS)
    void this.#read()
  }

  get summary(): LogSummary {
    const problem = this.#failure ?? this.#options.selector.problem()
    return {
      epoch: this.#epoch,
      first: this.#places.first,
      total: this.#places.total,
      counts: { ...this.#counts },
      isCurrent: this.#isCurrent,
      ...(problem === undefined ? {} : { problem }),
    }
  }

  /** Resolves at the next change, and when the view has closed. @param signal ends the wait as well */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      if (signal.aborted || this.isClosed) return resolve()
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }

  /** Resolves when all that is kept has been read. */
  async current(signal: AbortSignal): Promise<void> {
    while (!this.#isCurrent && !signal.aborted && !this.isClosed) await this.changed(signal)
  }

  /** Whole entries; rows that are not held are left out. */
  async entries(from: number, to: number): Promise<readonly (LogEntry | undefined)[]> {
    return this.#feed.read(this.#places.slice(from, to))
  }

  /** The same for a page, which shows no more of an entry than a screen has room for. */
  async rows(from: number, to: number): Promise<readonly LogRow[]> {
    const first = Math.max(from, this.#places.first)
    const entries = await this.entries(first, to)
    return entries.map((entry, i) => ({ row: first + i, ...(entry === undefined ? {} : cutEntry(entry)) }))
  }

  get isClosed(): boolean {
    return this.#over.signal.aborted
  }

  close(): void {
    this.#over.abort()
    this.#wake()
  }

  async #read(): Promise<void> {
    const { key, selector, levels, onProblem } = this.#options
    try {
      for await (const { entries, isCurrent } of this.#feed.follow(key, this.#over.signal)) {
        let isNew = isCurrent !== this.#isCurrent
        for (const { entry, place } of entries) {
          if (!selector.isShown(entry)) continue
          isNew = true
          this.#counts[entry.level] = (this.#counts[entry.level] ?? 0) + 1 // I2
          if (levels.length === 0 || levels.includes(entry.level)) this.#places.push(place) // I1
        }
        this.#isCurrent ||= isCurrent
        if (isNew) this.#wake()
      }
    } catch (error) {
      if (this.isClosed) return
      this.#failure = 'the logs cannot be read any further; the command has the reason'
      this.#isCurrent = true
      onProblem(error)
      this.#wake()
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
