/**
 * Generates again whenever a source changes, reusing what the compiler already knows.
 *
 * I1  Only one run at a time; changes during a run are in the next one.
 */
import { watch, type FSWatcher } from 'node:fs'
import { resolve, sep } from 'node:path'
import type { GenerateResult } from './generate-result.js'
import { generate, type GenerateOptions } from './generate.js'
import { ParsedFiles } from './open-program.js'

/** Editors write a file in several steps. */
const QUIET_MS = 30
const NO_SOURCES = ['node_modules', 'dist', '.git']

export interface Watching {
  /** Resolves when the current run has ended. */
  close(): Promise<void>
  /** Runs as if something had changed: called when a dependency has. */
  runAgain(): void
}

/**
 * Generates, and again after each change below the package's folder, until closed.
 * @param onResult receives every result, except those of runs that found nothing to do after a
 * successful one
 * @throws Error the folder cannot be watched
 */
export function watchPackage(options: Omit<GenerateOptions, 'check'>, onResult: (result: GenerateResult) => void): Watching {
  const folder = resolve(options.projectDir)
  const parsed = options.parsed ?? new ParsedFiles()
  let isNews = true
  let running: Promise<void> | undefined
  let isStale = false
  let timer: NodeJS.Timeout | undefined
  const run = async (): Promise<void> => {
    do {
      isStale = false
      const result = await generate({ ...options, parsed })
      if (isNews || result.status !== 'unchanged') onResult(result)
      isNews = result.status === 'failed'
    } while (isStale)
    running = undefined
  }
  const start = (): void => {
    if (running === undefined) running = run()
    else isStale = true // I1
  }
  const watcher: FSWatcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || !/(\.[cm]?tsx?|\.json)$/.test(file) || file.split(sep).some((part) => NO_SOURCES.includes(part))) return
    clearTimeout(timer)
    timer = setTimeout(start, QUIET_MS)
  })
  start()
  return {
    runAgain: start,
    async close() {
      watcher.close()
      clearTimeout(timer)
      await running
    },
  }
}
