import { context, RemoteCallError, withContext, type Interceptor } from '@weaver/sdk'
import type { WeaverGen } from '@weaver/sdk/internal'

/**
 * Metadata of an extra run: what it calls is not run again, or a chain of calls would take twice as
 * long with each link.
 */
const EXTRA_RUN = 'weaver-extra-run'

/**
 * Around calls of methods that may run twice: runs each so many times more, and gives the outcome
 * of the last. A method that is not idempotent, and does not say so by `notRetriable`, is seen to
 * be none. Streams are left alone, and so is a call that failed on its way.
 */
export function extraRuns(gen: WeaverGen, count: number): Interceptor {
  const repeatable = new Set(
    gen.components().flatMap(({ methods, token }) =>
      methods
        .filter(
          ({ input, isStream, name }) =>
            input === undefined && isStream !== true && token.options.notRetriable?.includes(name as never) !== true, // any name may be asked for
        )
        .map(({ name }) => `${token.name}.${name}`),
    ),
  )
  return async ({ component, method }, next) => {
    if (!repeatable.has(`${component}.${method}`) || EXTRA_RUN in context().metadata) return next()
    for (let run = 0; run < count; run++) {
      try {
        await withContext({ metadata: { [EXTRA_RUN]: 'true' } }, next)
      } catch (error) {
        if (error instanceof RemoteCallError) throw error
      }
    }
    return next()
  }
}
