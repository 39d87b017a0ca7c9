/**
 * Starts the components of one process, one after another: each when the components that it needs
 * have started here and answer elsewhere.
 *
 * I1  A component that waits for another process does not block those that do not need it: two
 *     processes whose components need each other do start.
 * I2  No wait is endless: after the time limit the rest starts all the same, still in order.
 */
import type { Logger } from '../../telemetry/logger.js'

/** How long the start waits for components of other processes, in milliseconds. */
const START_WAIT_MS = 60_000
/** A start that takes longer logs the reason. */
const TELL_MS = 2_000

export interface Startable {
  readonly name: string
  /** Names of components that must be up first. */
  readonly needs: ReadonlySet<string>
}

export interface StartOptions<T> {
  readonly start: (component: T) => Promise<void>
  /**
   * Resolves when a component of another process answers; rejects when the signal aborts. Absent:
   * the start does not wait for them.
   */
  readonly whenServed?: ((component: string, signal: AbortSignal) => Promise<void>) | undefined
  /** 0 for no wait. @default START_WAIT_MS */
  readonly waitMs?: number | undefined
  readonly log: Logger
  /** When it aborts, no further component is started. */
  readonly signal?: AbortSignal | undefined
}

/**
 * @param components each after those of them that it needs
 * @throws what `start` throws
 */
export async function startInOrder<T extends Startable>(components: readonly T[], options: StartOptions<T>): Promise<void> {
  const { log, signal, start, whenServed, waitMs = START_WAIT_MS } = options
  const here = new Set(components.map(({ name }) => name))
  const left = new Set(components)
  const isWaiting = whenServed !== undefined && waitMs > 0
  const missing = new Set(isWaiting ? components.flatMap(({ needs }) => [...needs].filter((name) => !here.has(name))) : [])
  const started = new Set<string>()
  const isUp = (name: string): boolean => (here.has(name) ? started.has(name) : !missing.has(name))
  const end = new AbortController()
  let wake = (): void => undefined
  const onAbort = (): void => wake()
  for (const name of missing)
    whenServed?.(name, end.signal).then(
      () => {
        missing.delete(name)
        wake()
      },
      () => undefined, // the start is over
    )
  const timers =
    missing.size === 0
      ? []
      : [
          setTimeout(() => {
            if (missing.size > 0) log.info('the start waits for components of other processes', { components: [...missing] })
          }, TELL_MS),
          setTimeout(() => {
            if (missing.size > 0)
              log.warn('components of other processes do not answer; the start goes on without them, and calls of them may fail', {
                components: [...missing],
                waitedMs: waitMs,
              })
            missing.clear() // I2
            wake()
          }, waitMs),
        ]
  signal?.addEventListener('abort', onAbort)
  try {
    while (left.size > 0) {
      if (signal?.aborted === true) return
      const next = [...left].find(({ needs }) => [...needs].every(isUp)) // I1
      if (next === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      await start(next)
      left.delete(next)
      started.add(next.name)
    }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    end.abort()
  }
}
