/**
 * Streaming calls between components of one process, which behave like remote ones: nothing runs
 * before the first item is requested, the body of each generator sees its own side's context at
 * every `yield`, a consumer that leaves aborts the signal and makes the generator return, and the
 * caller's signal and deadline end the stream. docs/streams-and-routing.md lists the differences:
 * nothing runs ahead, and items are not copied (with `copyArgs`, local-copy.ts copies them).
 */
import { MAX_TIMER_MS } from '../contract/bootstrap.js'
import { derive, NEVER, runInContext, type CallContext } from '../context/context.js'
import { leavable, Leaving } from '../rpc/stream/leavable-stream.js'
import { hasLimits, runWithLimits } from './local-wait.js'
import { openItems } from '../rpc/stream/open-items.js'
import { processNow } from '../context/process-clock.js'
import { RemoteCallError } from '../errors/remote-call-error.js'

export interface LocalStreamCall {
  /** Component and method, for messages. */
  readonly what: string
  /** The context of the caller when it called. */
  readonly outer: CallContext
  /**
   * The method's context. If the method returns a stream, its signal also aborts when the consumer
   * leaves.
   */
  readonly inner: CallContext
  readonly args: readonly unknown[]
  /** Index of the argument that is a stream. */
  readonly input?: number | undefined
  /**
   * Called when the caller requests the first item; its result is called once, when the call is
   * over.
   */
  readonly observe?: () => (outcome: { readonly error?: unknown }) => void
}

/**
 * The items of a local call of a method that returns a stream. `method` is called when the first
 * item is requested.
 */
export function localStream(
  call: LocalStreamCall,
  method: (args: readonly unknown[]) => AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  const leaving = new Leaving()
  return leavable(localItems(call, method, leaving), () => leaving.leave())
}

async function* localItems(
  call: LocalStreamCall,
  method: (args: readonly unknown[]) => AsyncIterable<unknown>,
  leaving: Leaving,
): AsyncGenerator<unknown, void, undefined> {
  const { outer } = call
  const ended = call.observe?.()
  const left = new AbortController()
  const inner = derive(call.inner, { signal: outer.signal === NEVER ? left.signal : AbortSignal.any([outer.signal, left.signal]) })
  const end = watchEnd(call)
  leaving.onLeave(() => end.leave())
  const input = new LocalInput(call)
  let iterator: AsyncIterator<unknown> | undefined
  let outcome: { readonly error?: unknown } = {}
  let isThrough = false
  try {
    iterator = runInContext(inner, () => openItems(call.what, method(input.args)))
    const items = iterator
    for (;;) {
      const next = await end.orRejects(runInContext(inner, () => items.next()))
      if (next.done === true) {
        isThrough = true
        return
      }
      yield next.value
    }
  } catch (error) {
    if (leaving.isLeft) return // the consumer has left and receives nothing
    outcome = { error }
    isThrough = !end.hasCome // the producer threw
    throw error
  } finally {
    end.forget()
    if (!isThrough) {
      left.abort(new DOMException('the caller has given the call up', 'AbortError'))
      // As by RPC, the caller does not wait for the producer's `finally`, and an error in it is
      // dropped.
      runInContext(inner, async () => iterator?.return?.()).catch(() => undefined)
    }
    input.giveBack()
    ended?.(outcome)
  }
}

/**
 * A local call of a method that takes a stream and returns one result. It has its caller's limits,
 * like any local call.
 */
export async function localInputCall(call: LocalStreamCall, method: (args: readonly unknown[]) => Promise<unknown>): Promise<unknown> {
  const { what } = call
  const inner = derive(call.inner, {})
  const input = new LocalInput(call)
  const body = async (): Promise<unknown> => method(input.args)
  try {
    return await (hasLimits(inner) ? runWithLimits(what, inner, body) : runInContext(inner, body))
  } finally {
    input.giveBack()
  }
}

/**
 * The streaming argument of a local call: its body runs in the caller's context, wherever it is
 * read, and the end of the call returns it.
 */
class LocalInput {
  readonly args: readonly unknown[]
  readonly #what: string
  readonly #outer: CallContext
  /** Whether the call has a streaming argument. */
  readonly #isThere: boolean
  readonly #items: unknown
  #iterator: AsyncIterator<unknown> | undefined
  #isOver = false
  #isLeft = false
  /** Ends the wait for an item. */
  #wake: (() => void) | undefined

  constructor(call: LocalStreamCall) {
    this.#what = `the argument of ${call.what}`
    this.#outer = call.outer
    this.#isThere = call.input !== undefined
    const given = [...call.args]
    if (call.input !== undefined) {
      this.#items = given[call.input]
      given[call.input] = leavable(this.#read(), () => this.#onReaderLeft())
    }
    this.args = given
  }

  giveBack(): void {
    if (this.#isOver || !this.#isThere) return
    this.#isOver = true
    this.#wake?.()
    // As by RPC, nothing waits for it. An error in its `finally` is dropped, and so is the error
    // that it is not a stream, if the method has not read it.
    runInContext(this.#outer, async () => this.#open().return?.()).catch(() => undefined)
  }

  async *#read(): AsyncGenerator<unknown, void, undefined> {
    try {
      while (!this.#isOver) {
        const iterator = this.#open()
        const next = await this.#next(iterator)
        if (next === undefined) break
        if (next.done === true) {
          this.#isOver = true
          return
        }
        yield next.value
      }
      if (this.#isLeft) return
      throw new RemoteCallError('WEAVER_RPC_CANCELLED', 'the call that this argument belongs to is over', { mayHaveRun: true })
    } finally {
      this.giveBack()
    }
  }

  /** @returns `undefined` if the call ended, or its consumer left, before an item arrived */
  #next(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined)
      runInContext(this.#outer, () => iterator.next()).then(resolve, reject)
    })
  }

  #onReaderLeft(): void {
    this.#isLeft = true
    this.giveBack()
  }

  #open(): AsyncIterator<unknown> {
    return (this.#iterator ??= runInContext(this.#outer, () => openItems(this.#what, this.#items)))
  }
}

interface End {
  readonly hasCome: boolean
  /**
   * Settles as `work` does, or rejects if the end comes first. Racing each item with one promise
   * for the whole stream would retain every item's reaction.
   */
  orRejects<T>(work: Promise<T>): Promise<T>
  /** The consumer has left: pending waits end. */
  leave(): void
  forget(): void
}

/** Watches the caller's signal and deadline. */
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
      : setTimeout(
          () => fire('WEAVER_RPC_DEADLINE', 'its deadline has passed'),
          Math.min(Math.max(0, deadline - processNow()), MAX_TIMER_MS),
        )
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
    leave: () => fire('WEAVER_RPC_CANCELLED', 'its reader has left'),
    forget() {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    },
  }
}
