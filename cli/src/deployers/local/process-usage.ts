/** What processes of this machine use: processor time and memory. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface ProcessUsage {
  /** Processor time since it began. */
  readonly cpuMs: number
  /** Resident. */
  readonly memoryBytes: number
}

/** Fields of `/proc/PID/stat` behind the name of the program, which may hold anything. */
const STAT = { user: 11, system: 12 } as const
/** Of a second; what Linux reports to programs, whatever its own clock is. */
const TICK_MS = 10

/** By pid; those that do not run, or of which this system does not say, are left out. */
export function usageOf(pids: readonly number[]): ReadonlyMap<number, ProcessUsage> {
  if (pids.length === 0 || process.platform === 'win32') return new Map()
  return process.platform === 'linux' ? new Map(pids.flatMap((pid) => fromProc(pid))) : fromPs(pids)
}

function fromProc(pid: number): readonly (readonly [number, ProcessUsage])[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    if (kilobytes === undefined) return [] // it has ended, and nobody has fetched its exit code
    const ticks = Number(fields[STAT.user]) + Number(fields[STAT.system])
    return [[pid, { cpuMs: ticks * TICK_MS, memoryBytes: Number(kilobytes) * 1_024 }]]
  } catch {
    return [] // it has ended
  }
}

function fromPs(pids: readonly number[]): ReadonlyMap<number, ProcessUsage> {
  const { stdout } = spawnSync('ps', ['-o', 'pid=,rss=,time=', '-p', pids.join(',')], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  return parsePs(stdout ?? '') // null where it cannot be started
}

/** Lines of `pid rss time`, where time is `[[days-]hours:]minutes:seconds`. */
export function parsePs(text: string): ReadonlyMap<number, ProcessUsage> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, pid, rss, days = '0', clock = ''] = /^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?([\d:.]+)\s*$/.exec(line) ?? []
      if (pid === undefined) return []
      const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
      return [[Number(pid), { cpuMs: (Number(days) * 86_400 + seconds) * 1_000, memoryBytes: Number(rss) * 1_024 }] as const]
    }),
  )
}
