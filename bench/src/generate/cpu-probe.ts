// Loaded into a measured process by --import: tells how much CPU it has used, when it is asked and
// when it ends.
import { writeSync } from 'node:fs'

const seconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
process.on('message', () => process.send?.(seconds()))
process.channel?.unref()
process.on('exit', () => void writeSync(3, String(seconds())))
