/**
 * Streaming calls between components of one process, with the manners of remote ones: nothing runs before the first item is asked for, the body of each
 * generator sees the context of its own side at every `yield`, a reader that leaves fires the signal and makes the generator return, and the caller's signal
 * and deadline end the stream. What differs is said in docs/streams-and-routing.md: nothing runs ahead, and items are not copied.
 */
import { NEVER, runInContext, type CallContext } from './context.js'
import { RemoteCallError } from './remote-call-error.js'

const MAX_TIMER_MS = 2 ** 31 - 1

export interface LocalStreamCall {
  /** Component and method, for messages. */
  readonly what: string
  /** The context of the caller at the moment of the call. */
  readonly outer: CallContext
  /** What the method sees, but for its signal: that also fires when the reader leaves. */
  readonly inner: CallContext
  /** Calls the method. */
  open(): AsyncIterable<unknown>
}

/** The items of a local call of a method that returns a stream. */
export async function* localStream(call: LocalStreamCall): AsyncGenerator<unknown, void, undefined> {
  const { outer } = call
  const left = new AbortController()
  const inner = { ...call.inner, signal: outer.signal === NEVER ? left.signal : AbortSignal.any([outer.signal, left.signal]) }
  const end = watchEnd(call)
  let iterator: AsyncIterator<unknown> | undefined
  let isOver = false
  try {
    iterator = runInContext(inner, () => call.open()[Symbol.asyncIterator]())
    const items = iterator
    for (;;) {
      const next = await end.orRejects(runInContext(inner, () => items.next()))
      if (next.done === true) {
        isOver = true
        return
      }
      yield next.value
    }
  } catch (error) {
    isOver = !end.hasCome // the producer threw: it is through
    throw error
  } finally {
    end.forget()
    if (!isOver) {
      left.abort(new DOMException('the caller has given the call up', 'AbortError'))
      // As over RPC nobody waits for the producer's `finally`, and what it throws there is heard by nobody.
      runInContext(inner, async () => iterator?.return?.()).catch(() => undefined)
    }
  }
}

/** An argument stream of a local call: its body runs in the context of the caller, wherever it is read. */
export function localInput(outer: CallContext, items: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = runInContext(outer, () => items[Symbol.asyncIterator]())
      return {
        next: () => runInContext(outer, () => iterator.next()),
        return: async () => {
          await runInContext(outer, async () => iterator.return?.())
          return { done: true, value: undefined }
        },
      }
    },
  }
}

interface End {
  readonly hasCome: boolean
  /** Settles as `work` does, or rejects when the end comes before that. A race with one promise for the whole stream would keep every item's reaction. */
  orRejects<T>(work: Promise<T>): Promise<T>
  forget(): void
}

/** The caller's signal and deadline. */
function watchEnd(call: LocalStreamCall): End {
  const { signal, deadline } = call.outer
  let error: RemoteCallError | undefined
  let reject: ((error: unknown) => void) | undefined
  const fire = (code: 'WEAVER_RPC_CANCELLED' | 'WEAVER_RPC_DEADLINE', why: string, cause?: unknown): void => {
    error = new RemoteCallError(code, `${call.what} is abandoned: ${why}`, { mayHaveRun: true, cause })
    reject?.(error)
  }
  const onAbort = (): void => {
    const cause: unknown = signal.reason
    const isTimeout = typeof cause === 'object' && cause !== null && 'name' in cause && cause.name === 'TimeoutError'
    if (isTimeout) fire('WEAVER_RPC_DEADLINE', 'its deadline has passed', cause)
    else fire('WEAVER_RPC_CANCELLED', 'its caller has given up', cause)
  }
  if (signal.aborted) onAbort()
  else if (signal !== NEVER) signal.addEventListener('abort', onAbort, { once: true })
  const timer =
    deadline === undefined
      ? undefined
      : setTimeout(() => fire('WEAVER_RPC_DEADLINE', 'its deadline has passed'), Math.min(Math.max(0, deadline - Date.now()), MAX_TIMER_MS))
  return {
    get hasCome() {
      return error !== undefined
    },
    orRejects: (work) =>
      new Promise((resolve, no) => {
        reject = no
        work.then(resolve, no)
        if (error !== undefined) no(error)
      }),
    forget() {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    },
  }
}
