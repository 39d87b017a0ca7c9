/**
 * The log files of deployments, as the dashboard reads them. A place is the number of a file and an
 * offset into it, so that the dashboard holds eight bytes of an entry instead of the entry; and the
 * quota of the files is a process's own, so that a noisy one evicts nobody else's entries.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogFeed, PlacedEntry } from '@weaver/dashboard'
import { isWeaverError, type LogEntry } from '@weaver/sdk/contract'
import { createLogReader, entriesAt } from '../../logs/read-logs.js'
import { selectEntries } from '../../logs/select-entries.js'
import { deploymentIdOf } from './running-deployments.js'

const POLL_MS = 200
const BATCH = 1_000
/** More than a part of a log file has bytes. */
const MAX_OFFSET = 2 ** 32

export function createProcessLogs(folder: string): LogFeed {
  const paths: string[] = []
  const numbers = new Map<string, number>()
  const placeOf = (path: string, offset: number): number => {
    let number = numbers.get(path)
    if (number === undefined) numbers.set(path, (number = paths.push(path) - 1))
    return number * MAX_OFFSET + offset
  }
  return {
    select({ query, system }) {
      try {
        return selectEntries({ query, ...(system ? { system } : {}) })
      } catch (error) {
        if (isWeaverError(error, 'WEAVER_CLI_LOG_QUERY')) return { wrong: error.message }
        throw error
      }
    },
    async *follow(key, signal) {
      const id = deploymentIdOf(key)
      const reader = createLogReader(folder, ({ deploymentId }) => deploymentId === id)
      while (!signal.aborted) {
        let entries: PlacedEntry[] = []
        for await (const { entry, path, offset } of reader.readPlaced()) {
          entries.push({ entry, place: placeOf(path, offset) })
          if (entries.length < BATCH) continue
          if (signal.aborted) return
          yield { entries, isCurrent: false }
          entries = []
        }
        yield { entries, isCurrent: true }
        await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined) // the loop's condition sees the signal
      }
    },
    async read(places) {
      const byPath = new Map<string, number[]>()
      places.forEach((place, i) => {
        const path = paths[Math.floor(place / MAX_OFFSET)] ?? ''
        const found = byPath.get(path)
        if (found === undefined) byPath.set(path, [i])
        else found.push(i)
      })
      const entries: (LogEntry | undefined)[] = places.map(() => undefined)
      for (const [path, wanted] of byPath) {
        const read = await entriesAt(
          path,
          wanted.map((i) => (places[i] ?? 0) % MAX_OFFSET),
        )
        wanted.forEach((i, at) => (entries[i] = read[at]))
      }
      return entries
    },
  }
}
