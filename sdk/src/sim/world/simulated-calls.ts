import type { Calls, ComponentBinding, MethodBinding } from '../../component/binding.js'
import { WeaverError } from '../../contract/errors.js'
import { shardKey, type RoutingKey } from '../../contract/shard-key.js'
import { limitsOf } from '../../context/time-limit.js'
import { textOfArgs } from './history.js'
import type { Network } from './network.js'
import type { Callee, Exchange } from './sim-call.js'

/** Calls of a component by `caller`, through the network of an execution. */
export function simulatedCalls(network: Network, binding: ComponentBinding, caller: string): Calls {
  const { options } = binding.token
  const notRetriable = new Set<string>(options.notRetriable)
  const routers = (options.router ?? {}) as Readonly<Record<string, ((...args: readonly unknown[]) => RoutingKey) | undefined>> // its keys are names of methods
  const shardOf = (method: MethodBinding, args: readonly unknown[]): number | undefined => {
    const router = routers[method.name]
    return router === undefined ? undefined : shardKey(router(...args))
  }
  const limitsMs = limitsOf(binding.methods, {
    timeoutMs: options.timeoutMs,
    defaultTimeoutMs: options.defaultTimeoutMs ?? network.options.defaultTimeoutMs,
  })
  const methodAt = (index: number): MethodBinding => binding.methods[index] as MethodBinding // stub and methods come from one generated file
  const run = (replica: Callee, method: MethodBinding, args: readonly unknown[]): unknown =>
    (replica.target as Record<string, (...args: readonly unknown[]) => unknown>)[method.name]?.apply(replica.target, [...args]) // its class was type-checked
  return {
    call: async (index, args) => {
      const method = methodAt(index)
      if (method.input !== undefined) throw noStreamInput(binding, method)
      return network.send(caller, {
        binding,
        method,
        args,
        limitMs: limitsMs[index] as number, // as in methodAt()
        serve: async (replica, given) => run(replica, method, given),
        write: (w, result) => method.encodeResult(w, result),
        read: (r) => method.decodeResult(r),
        isRetriable: !notRetriable.has(method.name),
        shard: shardOf(method, args),
        text: () => `${method.name}${textOfArgs(args)}`,
      })
    },
    stream: (index, args) => {
      const method = methodAt(index)
      const limitMs = limitsMs[index] as number // as in methodAt()
      return {
        [Symbol.asyncIterator]: () =>
          iterate({ network, caller, binding, method, args, limitMs, open: (replica, given) => run(replica, method, given) }),
      }
    },
  }
}

/**
 * Each item is a request and a reply, with the method's limit: the consumer requests one at a time.
 */
function iterate(of: {
  readonly network: Network
  readonly caller: string
  readonly binding: ComponentBinding
  readonly method: MethodBinding
  readonly args: readonly unknown[]
  readonly limitMs: number
  open(replica: Callee, args: readonly unknown[]): unknown
}): AsyncIterator<unknown> {
  const { network, caller, binding, method, args, limitMs } = of
  let source: AsyncIterator<unknown> | undefined
  let pinned: Exchange['pinned']
  let isOver = false
  const ask = (text: () => string, serve: Exchange['serve']): Promise<IteratorResult<unknown>> =>
    network.send(caller, {
      binding,
      method,
      args: pinned === undefined ? args : [],
      limitMs,
      ...(pinned === undefined ? {} : { pinned }),
      serve,
      write: (w, result) => {
        const { done, value } = result as IteratorResult<unknown>
        w.bool(done === true)
        if (done !== true) method.encodeResult(w, value)
      },
      read: (r) => (r.bool() ? { done: true, value: undefined } : { done: false, value: method.decodeResult(r) }),
      isRetriable: false,
      text,
    }) as Promise<IteratorResult<unknown>> // read() returns one
  return {
    next: async () => {
      if (isOver) return { done: true, value: undefined }
      if (method.input !== undefined) throw noStreamInput(binding, method)
      const text = pinned === undefined ? () => `${method.name}${textOfArgs(args)}` : () => `${method.name}: next`
      try {
        const item = await ask(text, async (replica, given) => {
          pinned ??= { replica, life: replica.life }
          source ??= (of.open(replica, given) as AsyncIterable<unknown>)[Symbol.asyncIterator]() // the binding says that it is a stream
          return source.next()
        })
        isOver = item.done === true
        return item
      } catch (error) {
        isOver = true
        throw error
      }
    },
    return: async (value: unknown) => {
      if (!isOver && pinned !== undefined)
        await ask(
          () => `${method.name}: end`,
          async () => (await source?.return?.()) ?? { done: true, value: undefined },
        ).catch(() => undefined) // the consumer no longer needs it
      isOver = true
      return { done: true, value }
    },
  }
}

function noStreamInput({ token }: ComponentBinding, method: MethodBinding): WeaverError {
  return new WeaverError(
    'WEAVER_SIM_INVALID',
    `${token.name}.${method.name} takes a stream, which the simulator does not deliver; let a fake of its caller or callee stand for it`,
  )
}
