/** The delay between two attempts, and the pause itself. */
import { NEVER } from './context.js'

const BACKOFF_MS = { first: 5, most: 200 } as const

/**
 * Doubles with each attempt up to 200 ms, minus up to half of it at random.
 * @param retry from 0
 */
export function backoffMs(retry: number): number {
  return Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(retry, 10)) * (0.5 + Math.random() / 2)
}

/** Resolves after that time, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal !== NEVER) signal.addEventListener('abort', done)
  })
}
