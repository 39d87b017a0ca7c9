import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'

const SAMPLE_US = 200

/** Profiles this process from now on. `stop` writes a `.cpuprofile`, which Chrome's DevTools open. */
export async function startProfile(path: string): Promise<{ stop(): Promise<void> }> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await session.post('Profiler.start')
  return {
    async stop() {
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      await writeFile(path, JSON.stringify(profile))
    },
  }
}
