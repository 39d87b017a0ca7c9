import type { Reader } from '../../codec/reader.js'
import type { MethodBinding } from '../../component/binding.js'
import { reasonOf } from '../../contract/errors.js'
import { readError } from '../../codec/error-codec.js'
import { KIND } from '../wire/frame.js'
import type { Answer, Target } from './pending-call.js'
import { failure, RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'

/** Number of answers that a caller considers to decide whether a component is slow. */
const SLOW_MEMORY = 16

/**
 * A method may throw a `RemoteCallError` that it received itself: to this caller an application
 * error.
 */
const thrownByMethods = new WeakSet()

/** Whether the platform failed the call, rather than its method. */
export function isPlatformFailure(error: unknown): error is RemoteCallError {
  return error instanceof RemoteCallError && !thrownByMethods.has(error)
}

/** Runs in the caller's continuation, so that decoded values are short-lived. */
export function decodeAnswer({ kind, reader }: Answer, binding: MethodBinding, target: Target): unknown {
  let error: unknown
  try {
    switch (kind) {
      case KIND.result: {
        const tookItsTime = reader.bool()
        target.slowness += ((tookItsTime ? 1 : 0) - target.slowness) / SLOW_MEMORY
        return binding.decodeResult(reader)
      }
      case KIND.error:
        error = readError(reader)
        if (typeof error === 'object' && error !== null) thrownByMethods.add(error)
        break
      case KIND.failure:
        error = readFailure(reader, `${target.component}.${binding.name}`)
        break
      default:
        target.damaged.add({ component: target.component, reason: 'the answer is not a frame that this release knows' })
        error = failure(
          'WEAVER_RPC_PROTOCOL',
          `${target.component}.${binding.name}: the answer is not a frame that this release knows`,
          true,
        )
    }
  } catch (cause) {
    const why = reasonOf(cause)
    target.damaged.add({ component: target.component, reason: why })
    throw new RemoteCallError('WEAVER_RPC_PROTOCOL', `${target.component}.${binding.name}: the answer cannot be decoded: ${why}`, {
      mayHaveRun: true,
      cause,
    })
  }
  throw error
}

function readFailure(reader: Reader, what: string): RemoteCallError {
  const code = reader.string() as RemoteCallCode // written by rpc-server.ts of the same build; others are shown as they are
  return failure(code, `${what}: ${reader.string()}`, reader.bool())
}
