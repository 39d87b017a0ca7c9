/**
 * Declares components: a token that names an interface, and a class that fulfils it. Importing a
 * declaration has no effect.
 */
import { WeaverError } from '../contract/errors.js'
import type { LeaderScope } from '../contract/leader.js'
import type { Balance } from '../contract/routing.js'
import type { RoutingKey } from '../contract/shard-key.js'

declare const INTERFACE: unique symbol

/**
 * Keeps methods that can be called from another process: they return a promise or an async
 * iterable. Any other member becomes `never` and does not compile.
 */
export type Remotable<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R
    ? R extends Promise<unknown> | AsyncIterable<unknown>
      ? (...args: A) => R
      : never
    : never
}
export type MethodName<T> = Extract<keyof T, string>

export interface ComponentOptions<T> {
  /**
   * Calls with equal keys go to the same replica if possible. For caches, not for mutual exclusion.
   */
  readonly router?: { readonly [K in MethodName<T>]?: T[K] extends (...args: infer A) => unknown ? (...args: A) => RoutingKey : never }
  /**
   * With `router`, how keys are distributed over the replicas: `slices`, each replica has the same
   * share of all keys; `load`, keys move to replicas with spare capacity, by how often they are
   * called.
   * @default 'slices'
   */
  readonly balance?: Balance
  /** Methods that must not run twice: never retried after a failure in which they may have run. */
  readonly notRetriable?: readonly MethodName<T>[]
  /**
   * Time limit of one call, in milliseconds, by method. A caller overrides it by `withContext({
   * timeoutMs }, …)`.
   * @default `defaultTimeoutMs`
   */
  readonly timeoutMs?: { readonly [K in MethodName<T>]?: number }
  /**
   * Time limit of one call of any other method, in milliseconds.
   * @default `defaultTimeoutMs` of `run()`, else 30000
   */
  readonly defaultTimeoutMs?: number
  /**
   * One replica of this component leads, and `lead()` of its implementation runs only there:
   * `version`, one in each version; `app`, one in all versions that run side by side, which is in
   * the active one. Calls still go to all replicas.
   */
  readonly leader?: LeaderScope
}

/** The token of a component: a value that shares its name with the interface. Invariant in `T`. */
export interface Component<T> {
  readonly name: string
  readonly options: ComponentOptions<T>
  readonly [INTERFACE]?: (t: T) => T
}

/** A class that fulfils a component. It may stay private to its module. */
export interface Implementation<T> {
  readonly component: Component<T>
  readonly create: new () => object
  readonly [INTERFACE]?: (t: T) => T
}

const NAME = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/

/**
 * Declares a component: the token by which other components refer to it, under the name of its
 * interface. Every method of the interface returns a promise, or an `AsyncIterable` for a stream,
 * and takes and returns what can be encoded; anything else does not compile.
 *
 * Calls of a method may run twice when an answer is lost, unless `notRetriable` lists it.
 * @param name unique in the application, such as `shop/Cart`: letters, digits, `_` and `-`, in
 * parts divided by `/`. Deployers, configuration, logs and metrics use it.
 * @throws WeaverError `WEAVER_COMPONENT_NAME` for a name of another form. A name that two
 * components share is refused by `weaver generate`.
 * @example export interface Cart { add(user: string, item: string): Promise<number> } export const
 * Cart = component<Cart>('shop/Cart', { notRetriable: ['add'], timeoutMs: { add: 2_000 } })
 */
export function component<T extends Remotable<T>>(name: string, options: ComponentOptions<NoInfer<T>> = {}): Component<T> {
  if (!NAME.test(name))
    throw new WeaverError(
      'WEAVER_COMPONENT_NAME',
      `"${name}" is not a component name; use letters, digits, "_" and "-", in parts divided by "/", such as "shop/Cart"`,
    )
  return { name, options }
}

/**
 * Names the class that implements a component. Export what it returns: the generated
 * `weaver.gen.ts` imports it. A component has one implementation in an application.
 *
 * The runtime constructs the class once in each process that runs the component, without
 * arguments; fields made with `ref()`, `config()`, `listener()` and `logger()` get their values
 * then. Its hooks (`Hooks`) run around the calls. A constructor that throws ends the start
 * of the process with `WEAVER_CONSTRUCT_FAILED`, an `init()` with `WEAVER_INIT_FAILED`.
 * @example
 * class CartImpl implements Cart {
 *   readonly store = ref(Store)
 *   async add(user: string, item: string): Promise<number> {
 *     return this.store.append(user, item)
 *   }
 * }
 * export const cartImpl = implement(Cart, CartImpl)
 */
export function implement<T>(token: Component<T>, implementation: new () => NoInfer<T> & object): Implementation<T> {
  return { component: token, create: implementation }
}

/** What `main()` receives. */
export interface Life {
  /** Aborts when the process begins to stop. */
  readonly signal: AbortSignal
}

/** The class passed to `run`. */
export interface Main {
  /**
   * Starts the application's own work: usually serves a listener. It may return; the process serves
   * until it is stopped. A `main` that takes `life` keeps working and must end when its signal
   * aborts: the stop waits for it, for at most 0.8 of the grace period, before any `shutdown()`.
   * One that does not take `life` is not waited for.
   */
  main(life: Life): Promise<void> | void
}

/** What a leader holds while it leads. */
export interface Lease {
  /**
   * Greater than the token of every earlier leader, including those of earlier versions. A store
   * that remembers the greatest token it has seen, and rejects smaller ones, is safe from a leader
   * that has lost its lease without knowing; any other store is not.
   */
  readonly token: number
  /**
   * Aborts when this replica no longer leads: the lease was lost, or the process stops. Its reason
   * is a WeaverError `WEAVER_LEASE_ENDED`.
   */
  readonly signal: AbortSignal
}

/** Hooks that any implementation may have. */
export interface Hooks {
  /**
   * Runs once, after all components that this one refers to have started. No call arrives before it
   * has finished.
   */
  init?(): Promise<void> | void
  /**
   * Runs once, after the last call was answered; the components that this one refers to still
   * answer.
   */
  shutdown?(): Promise<void> | void
  /**
   * Whether this component can work; part of the process's readiness. A rejection counts as
   * `false`.
   */
  health?(): Promise<boolean> | boolean
  /**
   * Runs while this replica leads; only with the option `leader`, which requires it. It must end
   * when the signal aborts: another replica starts soon after. Its context has the same signal, so
   * its calls end with it. A replica whose `lead()` returns early remains the leader; one whose
   * `lead()` fails releases the lease, and becomes a candidate again after a while. It never runs
   * twice concurrently in one process.
   */
  lead?(lease: Lease): Promise<void> | void
}
