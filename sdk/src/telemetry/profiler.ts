/**
 * Profiles this process by `node:inspector`. One profile at a time: V8 has a single CPU profiler.
 * The inspector is loaded on the first request.
 */
import type { CpuProfile, HeapProfile } from '../contract/profiles.js'

export const MAX_PROFILE_SECONDS = 300

export type Profiled = { readonly type: 'cpu'; readonly profile: CpuProfile } | { readonly type: 'heap'; readonly profile: HeapProfile }

const BUSY = 'another profile of this process is being taken; ask again when it is done'
let isBusy = false

/**
 * Records the process for a number of seconds.
 * @throws Error when another profile is being taken, or the inspector refuses.
 */
export async function takeProfile(type: 'cpu' | 'heap', seconds: number): Promise<Profiled> {
  if (isBusy) throw new Error(BUSY)
  const { Session } = await import('node:inspector/promises')
  if (isBusy) throw new Error(BUSY) // another one started while the inspector was loaded
  isBusy = true
  const session = new Session()
  const time = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  try {
    session.connect()
    if (type === 'cpu') {
      await session.post('Profiler.enable')
      await session.post('Profiler.start')
      await time()
      const { profile } = await session.post('Profiler.stop')
      return { type, profile: profile as CpuProfile } // V8 always includes samples, which the protocol calls optional
    }
    await session.post('HeapProfiler.startSampling')
    await time()
    const { profile } = await session.post('HeapProfiler.stopSampling')
    return { type, profile: profile as unknown as HeapProfile } // the types omit its samples
  } finally {
    session.disconnect()
    isBusy = false
  }
}
