/**
 * Notices edits. Folders are watched, not files: an editor that saves by renaming replaces the file,
 * and a file that comes or goes is an edit, too. What has changed is found out by reading.
 */
import { readdirSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Editors write a file in several steps. */
const QUIET_MS = 30
/** Written by each run itself; whether they fit the sources is looked at then. */
const GENERATED = new Set(['weaver.gen.ts', 'weaver.graph.json'])

export interface WatchOptions {
  /** With its folders, but for `node_modules`, hidden ones and {@link outputs}. */
  readonly folder: string
  /** Folders that hold no sources. */
  readonly outputs: readonly string[]
  /** Files elsewhere. */
  readonly files: readonly string[]
  readonly onEdit: () => void
}

/** @throws Error the folder cannot be watched */
export function watchSources({ folder, outputs, files, onEdit }: WatchOptions): { close(): void } {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  const isFolderOfSources = (path: string): boolean => {
    const name = basename(path)
    return name !== 'node_modules' && !name.startsWith('.') && !outputs.includes(path)
  }
  const isSource = (path: string): boolean =>
    files.includes(path) || (watchers.has(dirname(path)) && /\.([cm]?[jt]sx?|json)$/.test(path) && !GENERATED.has(basename(path)))
  const edited = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      follow(folder)
      onEdit()
    }, QUIET_MS)
  }
  const open = (at: string, isEdit: (path: string) => boolean): void => {
    const watcher = watch(at, (_, name) => {
      if (name === null || isEdit(join(at, name))) edited()
    })
    watcher.on('error', () => {
      watcher.close() // the folder is gone
      watchers.delete(at)
    })
    watchers.set(at, watcher)
  }
  const follow = (at: string): void => {
    // What has no extension may be a folder that has come or gone.
    if (!watchers.has(at)) open(at, (path) => isSource(path) || (!basename(path).includes('.') && isFolderOfSources(path)))
    for (const entry of readdirSync(at, { withFileTypes: true }))
      if (entry.isDirectory() && isFolderOfSources(join(at, entry.name))) attempt(() => follow(join(at, entry.name)))
  }
  follow(folder)
  for (const file of files) if (!watchers.has(dirname(file))) open(dirname(file), (path) => files.includes(path))
  return {
    close() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}

function attempt(body: () => void): void {
  try {
    body()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // it has gone meanwhile
  }
}
