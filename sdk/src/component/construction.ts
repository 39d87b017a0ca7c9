/**
 * The fields of a component under construction: `ref`, `listener`, `config`, `logger`. They work
 * only while the runtime is inside a synchronous `new`, when a variable holds the scope that
 * provides them. The variable is on `globalThis`, so that two copies of the SDK in one process
 * agree.
 */
import type { Logger } from '../telemetry/logger.js'
import { WeaverError } from '../contract/errors.js'
import type { Component } from './component.js'
import type { Listener } from './listener.js'

/** A zod schema, or any object that parses. */
export interface ConfigSchema<O> {
  parse(input: unknown): O
}

export interface ConstructionScope {
  ref(token: Component<unknown>): unknown
  lazyRef(token: Component<unknown>): unknown
  /** @returns `undefined` if the application has no such component */
  optionalRef(token: Component<unknown>): unknown
  listener(name: string): Listener
  config(schema: ConfigSchema<unknown>): unknown
  logger(): Logger
}

const SLOT = Symbol.for('weaver.construction')
const holder = globalThis as { [SLOT]?: ConstructionScope | undefined }

/** Runs a synchronous construction in which `scope` provides the fields. */
export function constructWithin<T>(scope: ConstructionScope, create: () => T): T {
  const outer = holder[SLOT]
  holder[SLOT] = scope
  try {
    return create()
  } finally {
    holder[SLOT] = outer
  }
}

function current(what: string): ConstructionScope {
  const scope = holder[SLOT]
  if (scope === undefined)
    throw new WeaverError(
      'WEAVER_NO_CONSTRUCTION',
      `${what} works only as a field of a class that is given to implement() or run(), while the runtime constructs it; in a unit test use construct(Class, { refs, config })`,
    )
  return scope
}

/**
 * A reference to another component, as a field initialiser. Colocated, a call is a method call;
 * otherwise it is an RPC to one of the component's replicas. The component starts before the one
 * that refers to it, and stops after it.
 *
 * What a call does: it resolves with the result, or rejects with the error that the method threw
 * (of its class where that is registered, `registerError`), or with a `RemoteCallError` whose
 * `code` says why (`WEAVER_RPC_DEADLINE`, `WEAVER_RPC_UNAVAILABLE`, …) and whose `mayHaveRun` says
 * whether the method may have run. docs/calls.md states what holds.
 * @throws WeaverError `WEAVER_NO_CONSTRUCTION` outside of a field initialiser;
 * `WEAVER_COMPONENT_CYCLE` when components refer to each other in a circle (see `lazyRef`).
 * @example class App implements Main { readonly cart = ref(Cart) async main(): Promise<void> {
 * console.log(await this.cart.add('ada', 'book')) } }
 */
export function ref<T>(token: Component<T>): T {
  return current(`ref("${token.name}")`).ref(token as Component<unknown>) as T // the scope returns the token's own interface
}

/**
 * Like `ref`, but resolved at its first call: the only way to close a cycle. It does not affect the
 * order of start and stop: a call before the component has started, or after it has stopped, fails
 * with `WEAVER_NOT_STARTED`.
 * @throws WeaverError `WEAVER_NO_CONSTRUCTION` outside of a field initialiser.
 */
export function lazyRef<T>(token: Component<T>): T {
  return current(`lazyRef("${token.name}")`).lazyRef(token as Component<unknown>) as T // the scope returns the token's own interface
}

/**
 * Like `ref`, but `undefined` if nothing in the application implements the component.
 * @throws WeaverError `WEAVER_NO_CONSTRUCTION` outside of a field initialiser;
 * `WEAVER_COMPONENT_CYCLE` if it closes a cycle.
 */
export function optionalRef<T>(token: Component<T>): T | undefined {
  return current(`optionalRef("${token.name}")`).optionalRef(token as Component<unknown>) as T | undefined // the scope returns the token's own interface
}

/**
 * A named endpoint for traffic from outside, as a field initialiser. The deployer picks the
 * address: in one process it is that of `weaver.toml`, or a free port of loopback.
 *
 * The process counts as ready only when every listener serves. On a stop no new connection is
 * accepted, requests in flight are answered, and what lasts longer is cut off at the end of the
 * grace period. `serve()` says what it throws.
 * @param name unique in the application.
 * @throws WeaverError `WEAVER_NO_CONSTRUCTION` outside of a field initialiser.
 * @example
 * class App implements Main {
 *   readonly http = listener('shop')
 *   async main(): Promise<void> {
 *     await this.http.serve(createServer((request, response) => response.end('hello')))
 *   }
 * }
 */
export function listener(name: string): Listener {
  return current(`listener("${name}")`).listener(name)
}

/**
 * The configuration of this component, as a field initialiser, at most once in a class: its section
 * of `weaver.toml`, parsed before anything starts. Without a section the schema parses `{}`, so
 * that its defaults count.
 * @param schema usually `z.strictObject({ … })`, which refuses unknown keys.
 * @throws WeaverError `WEAVER_NO_CONSTRUCTION` outside of a field initialiser. Values that do not
 * fit end the start with `WEAVER_START_INVALID`, which names every key; a deploy finds them before.
 * @example // ["shop/Cart"] // maxItems = 20 class CartImpl implements Cart { readonly options =
 * config(z.strictObject({ maxItems: z.number().int().default(100) })) }
 */
export function config<O>(schema: ConfigSchema<O>): O {
  return current('config(...)').config(schema) as O // parsed by this very schema
}

/** A logger whose entries carry this component's name. Use it as a field initialiser. */
export function logger(): Logger {
  return current('logger()').logger()
}

/**
 * Constructs a class for a unit test, with refs and configuration given by hand. Runs no hook and
 * binds nothing.
 * @throws WeaverError `WEAVER_NO_REF` for a ref that is not in `refs`.
 */
export function construct<T extends object>(
  create: new () => T,
  given: {
    // oxlint-disable-next-line typescript/no-explicit-any -- tokens are invariant in their interfaces
    readonly refs?: readonly (readonly [token: Component<any>, instance: object])[]
    readonly config?: unknown
    readonly logger?: Logger
  } = {},
): T {
  const silent: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    with: () => silent,
  }
  const refs = new Map<string, object>((given.refs ?? []).map(([token, instance]) => [token.name, instance]))
  const instanceFor = (token: Component<unknown>): object => {
    const found = refs.get(token.name)
    if (found === undefined)
      throw new WeaverError('WEAVER_NO_REF', `"${create.name}" refers to "${token.name}", which construct() was not given; add it to refs`)
    return found
  }
  return constructWithin(
    {
      ref: instanceFor,
      lazyRef: instanceFor,
      optionalRef: (token) => refs.get(token.name),
      listener: (name) => ({
        name,
        serve: () =>
          Promise.reject(
            new WeaverError(
              'WEAVER_NO_CONSTRUCTION',
              `listener "${name}" cannot serve: the object was made by construct(); serve the server yourself in the test`,
            ),
          ),
      }),
      config: (schema) => schema.parse(given.config ?? {}),
      logger: () => given.logger ?? silent,
    },
    () => new create(),
  )
}
