/** CPU times from `/proc`, in seconds. Linux counts in ticks of 10 ms. */
import { readFileSync } from 'node:fs'

const TICKS = 100

/** Of one process since it started; 0 when there is none. */
export function cpuOf(pid: number): number {
  const fields = fieldsOf(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS
}

/** Those of the processes that belong to a process group. */
export function groupOf(group: number, pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => Number(fieldsOf(pid)[2]) === group)
}

/** Of all cores together since the machine started: what was used, by whomever. */
export function cpuOfMachine(): number {
  const [all = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = all.split(/ +/).slice(1).map(Number)
  return (user + nice + system + irq + softIrq) / TICKS
}

/** What stands behind the name in `/proc/PID/stat`, the state first. */
function fieldsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return [] // it has ended
  }
}
