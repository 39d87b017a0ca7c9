/**
 * Time limits of calls whose callers set none: by method, else by component, else by application,
 * else 30 s.
 */
export const DEFAULT_TIMEOUT_MS = 30_000

export interface TimeLimits {
  /** By method. */
  readonly timeoutMs?: object | undefined
  /** For all other methods. @default DEFAULT_TIMEOUT_MS */
  readonly defaultTimeoutMs?: number | undefined
}

/** The limit of each method, in milliseconds. */
export function limitsOf(methods: readonly { readonly name: string }[], own: TimeLimits): readonly number[] {
  const byMethod = (own.timeoutMs ?? {}) as Readonly<Record<string, number | undefined>> // its keys are names of methods
  return methods.map(({ name }) => byMethod[name] ?? own.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS)
}

/**
 * When a call must end, in milliseconds by the process clock: after its own limit, but never after
 * its caller.
 * @param caller its context; its `timeoutMs` replaces the limit
 * @param limitMs of the method
 * @param now milliseconds by the process clock
 */
export function deadlineOf(
  caller: { readonly deadline?: number | undefined; readonly timeoutMs?: number | undefined },
  limitMs: number,
  now: number,
): number {
  const limit = now + (caller.timeoutMs ?? limitMs)
  return caller.deadline === undefined || limit < caller.deadline ? limit : caller.deadline
}

/** Problems of limits, one line each, beginning with the name of the option. */
export function limitProblems(own: TimeLimits): readonly string[] {
  const given = [
    ['defaultTimeoutMs', own.defaultTimeoutMs] as const,
    ...Object.entries(own.timeoutMs ?? {}).map(([method, limit]) => [`timeoutMs.${method}`, limit as unknown] as const),
  ]
  return given.flatMap(([option, limit]) => (limit === undefined || isLimit(limit) ? [] : [limitProblem(option, limit)]))
}

/**
 * Checks limits set at call time.
 * @throws RangeError for a value that would mean no limit, or none that anyone could intend
 */
export function checkCallLimits({ timeoutMs, deadline }: { readonly timeoutMs?: unknown; readonly deadline?: unknown }): void {
  if (timeoutMs !== undefined && !isLimit(timeoutMs)) throw new RangeError(limitProblem('timeoutMs', timeoutMs))
  if (deadline !== undefined && (typeof deadline !== 'number' || Number.isNaN(deadline)))
    throw new RangeError(`deadline is ${String(deadline)}; give epoch milliseconds, such as Date.now() + 1000`)
}

function isLimit(limit: unknown): boolean {
  return typeof limit === 'number' && limit > 0 && limit < 2 ** 32
}

function limitProblem(option: string, limit: unknown): string {
  return `${option} is ${String(limit)}; give milliseconds, more than 0 and less than 2^32`
}
