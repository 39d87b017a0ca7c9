import type { WeaverGen } from '../component/binding.js'
import type { Interceptor } from '../component/interceptor.js'
import { RemoteCallError } from '../rpc/remote-call-error.js'

/**
 * Around calls of methods that may run twice: runs each so many times more, and gives the outcome of the last. A method that is not idempotent, and does not
 * say so by `notRetriable`, is seen to be none. Streams are left alone, and so is a call that failed on its way.
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
    if (!repeatable.has(`${component}.${method}`)) return next()
    for (let run = 0; run < count; run++) {
      try {
        await next()
      } catch (error) {
        if (error instanceof RemoteCallError) throw error
      }
    }
    return next()
  }
}
