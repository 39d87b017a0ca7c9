import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Remembers what the last run read and wrote, so that an unchanged run does not even load the
 * compiler. A cache only, safe to lose.
 */
export interface InputRecord {
  readonly tool: string
  /** Hash of each input, by absolute path. */
  readonly inputs: Readonly<Record<string, string>>
  /** Time and size of other packages' files, by absolute path. */
  readonly stamps: Readonly<Record<string, string>>
  /** All TypeScript files below the package's folder at the time of the run. */
  readonly files: readonly string[]
  readonly outputs: Readonly<Record<string, string>>
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function stampOf(path: string): string {
  const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0 }
  return `${mtimeMs} ${size}`
}

export function recordPath(projectDir: string): string {
  return join(projectDir, 'node_modules', '.cache', 'weaver', 'generate.json')
}

/** True if a run would read and write exactly what the recorded one did. */
export function isUnchanged(path: string, tool: string, files: readonly string[]): boolean {
  if (!existsSync(path)) return false
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as InputRecord
    if (record.tool !== tool || record.files.join('\n') !== files.join('\n')) return false
    if (!Object.entries(record.stamps).every(([file, stamp]) => stampOf(file) === stamp)) return false
    return [...Object.entries(record.inputs), ...Object.entries(record.outputs)].every(
      ([file, hash]) => existsSync(file) && hashOf(readFileSync(file, 'utf8')) === hash,
    )
  } catch {
    return false // a damaged record counts as none
  }
}

export function writeRecord(path: string, record: InputRecord): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, JSON.stringify(record))
  } catch (error) {
    // A deployer checks packages that it cannot write to; without a record the next check only does
    // more work.
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error // of fs
  }
}

/** TypeScript files below a folder, sorted, without installed packages and output. */
export function typescriptFiles(folder: string, without: string): string[] {
  const found: string[] = []
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist' && !entry.name.startsWith('.')) visit(path)
      } else if (/\.[cm]?tsx?$/.test(entry.name) && path !== without) found.push(path)
    }
  }
  visit(folder)
  return found.sort()
}
