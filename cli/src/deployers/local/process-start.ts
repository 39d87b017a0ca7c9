/** What tells a process from another one that gets its number later, and whether it runs. It loads nothing but Node: an agent on another machine has it, too. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Fields of `/proc/PID/stat` behind the name of the program, which may hold anything. */
const STAT = { state: 0, start: 19 } as const

/**
 * When a process began, as a text to compare: it stays the same when the clock is set, and when the
 * process runs another program.
 * @returns `undefined`: there is no such process, or it has ended and nobody has fetched its exit code; or this system does not say
 */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'win32') return undefined
  if (process.platform !== 'linux') {
    // Two readers may have other zones and languages.
    const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' }
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env })
    return (stdout ?? '').trim() || undefined // null where it cannot be started
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[STAT.state] === 'Z' ? undefined : fields[STAT.start]
  } catch {
    return undefined
  }
}

/** @param process with `processStart` as {@link processStart} gave it, where the system says it */
export function isRunning({ pid, processStart: start }: { readonly pid: number; readonly processStart?: string | undefined }): boolean {
  return isAlive(pid) && (start === undefined || start === processStart(pid))
}

function isAlive(pid: number): boolean {
  if (!(pid >= 1)) return false // to a signal, 0 and below are groups
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // EPERM too: what this user's command started is this user's, so the number has gone to another process
  }
}
