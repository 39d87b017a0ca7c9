/**
 * Application code around every call. The interceptors passed to `run()` see the calls that a
 * component makes (`client`) and those that it serves (`server`), in one process and across
 * processes alike.
 */
import { context, runInContext, scope } from '../context/context.js'
import type { Calls, ComponentBinding, LocalCalls, MethodBinding } from './binding.js'

export interface InterceptedCall {
  readonly side: 'client' | 'server'
  /** The component being called. */
  readonly component: string
  readonly method: string
  /** A streaming argument is the stream itself. */
  readonly args: readonly unknown[]
  /** The calling component; `undefined` at the callee of a call from outside of the application. */
  readonly caller: string | undefined
}

/**
 * Runs around one call. The caller receives what it returns or throws. For a method that returns a
 * stream, that is the stream, and the interceptor runs when the first item is requested.
 * @param next continues with the next interceptor and finally the call, with `args` as its new
 * arguments if given; each invocation makes one more call.
 */
export type Interceptor = (call: InterceptedCall, next: (args?: readonly unknown[]) => Promise<unknown>) => Promise<unknown>

export interface Interceptors {
  /**
   * Around calls made by components here; the first is the outermost. A retried call passes them
   * once.
   */
  readonly client?: readonly Interceptor[]
  /**
   * Around calls served by components here, inside the callee's context. A retried call may pass
   * them more than once.
   */
  readonly server?: readonly Interceptor[]
}

/** The calls of one stub, through its caller's interceptors. */
export function interceptCalls(
  calls: Calls,
  by: { readonly binding: ComponentBinding; readonly caller: string; readonly interceptors: readonly Interceptor[] },
): Calls {
  const chain = chainOf('client', by.binding, by.interceptors)
  return {
    call: (method, args) => chain({ method, args, caller: by.caller }, (given) => calls.call(method, given)),
    stream: (method, args) => openLater(() => chain({ method, args, caller: by.caller }, async (given) => calls.stream(method, given))),
  }
}

/** Like {@link interceptCalls}, for an object in this process: no call takes the direct path. */
export function interceptLocalCalls(gate: LocalCalls, by: Parameters<typeof interceptCalls>[1]): LocalCalls {
  const counted: Calls = {
    call(method, args) {
      const entered = gate.enter(method) // counts the call, as the forwarder would
      if (entered !== undefined) gate.leave(entered, undefined)
      return gate.call(method, args)
    },
    stream: (method, args) => gate.stream(method, args),
  }
  return {
    ...interceptCalls(counted, by),
    enter: () => undefined,
    leave: (entered, result) => gate.leave(entered, result),
    fail: (entered, error) => gate.fail(entered, error),
  }
}

/** An object with the methods of `instance`, each behind the interceptors of its process. */
export function interceptInstance(
  instance: object,
  by: { readonly binding: ComponentBinding; readonly interceptors: readonly Interceptor[] },
): object {
  const chain = chainOf('server', by.binding, by.interceptors)
  const methods = by.binding.methods.map((binding, method) => {
    const run = (args: readonly unknown[]): unknown =>
      (instance as Record<string, (...args: readonly unknown[]) => unknown>)[binding.name]?.apply(instance, [...args]) // its class was type-checked
    const through = (args: readonly unknown[]): Promise<unknown> =>
      chain({ method, args, caller: context().caller?.component }, async (given) => run(given))
    const open =
      binding.isStream === true
        ? (...args: readonly unknown[]) => openLater(() => through(args))
        : (...args: readonly unknown[]) => through(args)
    return [binding.name, open] as const
  })
  return Object.fromEntries(methods)
}

type Chain = (
  call: { readonly method: number; readonly args: readonly unknown[]; readonly caller: string | undefined },
  last: (args: readonly unknown[]) => Promise<unknown>,
) => Promise<unknown>

function chainOf(side: InterceptedCall['side'], { methods, token }: ComponentBinding, interceptors: readonly Interceptor[]): Chain {
  return ({ method, args, caller }, last) => {
    const { name } = methods[method] as MethodBinding // stub and methods come from one generated file
    const from = async (at: number, given: readonly unknown[]): Promise<unknown> => {
      const interceptor = interceptors[at]
      if (interceptor === undefined) return last(given)
      return interceptor({ side, component: token.name, method: name, args: given, caller }, (other = given) => from(at + 1, other))
    }
    return from(0, args)
  }
}

/** A stream that is opened when its first item is requested, in the present context. */
function openLater(open: () => Promise<unknown>): AsyncIterable<unknown> {
  const now = scope()
  // One iterator, like a generator's: a second consumer continues where the first one is.
  let opened: Promise<AsyncIterator<unknown>> | undefined
  let isOver = false
  return {
    [Symbol.asyncIterator]() {
      const items = (): Promise<AsyncIterator<unknown>> =>
        (opened ??= runInContext(now, open).then((stream) => (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]())) // the method returns it
      return {
        next: async () => (isOver ? { done: true, value: undefined } : (await items()).next()),
        async return(value?: unknown) {
          isOver = true
          if (opened === undefined) return { done: true, value }
          return (await (await opened).return?.(value)) ?? { done: true, value }
        },
      }
    },
  }
}
