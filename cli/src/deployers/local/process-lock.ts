import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isRunning, processStart } from './process-start.js'

/**
 * Makes this process the one that holds a lock. A lock whose holder has ended, however it did, is
 * taken over; of several that try at once one gets it.
 * @returns gives it back; the process that holds it, when that is another
 */
export function takeLock(path: string, pid: number): { readonly release: () => void } | { readonly holder: number } {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const own = `${pid} ${processStart(pid) ?? ''}`
  const [fresh, aside] = [`${path}.${pid}`, `${path}.${pid}.old`]
  writeFileSync(fresh, own)
  try {
    for (;;) {
      if (attempt(() => linkSync(fresh, path), 'EEXIST')) return { release: () => rmSync(path, { force: true }) } // it is there with its text, or not at all
      let found = ''
      if (!attempt(() => (found = readFileSync(path, 'utf8')), 'ENOENT')) continue
      const holder = holderOf(found)
      if (holder !== undefined) return { holder }
      if (!attempt(() => renameSync(path, aside), 'ENOENT')) continue
      // Who was faster has put its own there meanwhile: it stays.
      if (readFileSync(aside, 'utf8') !== found) attempt(() => linkSync(aside, path), 'EEXIST')
      rmSync(aside, { force: true })
    }
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** The process that holds a lock; `undefined`: none does. */
export function lockHolder(path: string): number | undefined {
  let found = ''
  return attempt(() => (found = readFileSync(path, 'utf8')), 'ENOENT') ? holderOf(found) : undefined
}

/** Of the text of a lock; one that a full disk left empty has none. */
function holderOf(text: string): number | undefined {
  const [holder = ''] = text.split(' ', 1)
  const start = text.slice(holder.length + 1) // not everywhere without spaces
  const pid = Number(holder)
  return isRunning({ pid, ...(start === '' ? {} : { processStart: start }) }) ? pid : undefined
}

/** @returns whether it went well; false for the one way to fail that is expected */
function attempt(body: () => void, expected: string): boolean {
  try {
    body()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === expected) return false
    throw error
  }
}
