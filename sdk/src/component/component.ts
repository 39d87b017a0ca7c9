/** Declares what a component is: a token that names an interface, and a class that fulfils it. No statement here has an effect when imported. */
import { WeaverError } from '../contract/errors.js'
import type { LeaderScope } from '../contract/leader.js'
import type { Balance } from '../contract/routing.js'
import type { RoutingKey } from '../contract/shard-key.js'

declare const INTERFACE: unique symbol

/** Keeps methods that can be called from another process: they return a promise or an async iterable. Every other member becomes `never` and does not compile. */
export type Remotable<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R
    ? R extends Promise<unknown> | AsyncIterable<unknown>
      ? (...args: A) => R
      : never
    : never
}
export type MethodName<T> = Extract<keyof T, string>

export interface ComponentOptions<T> {
  /** Calls with equal keys go to the same replica where possible. For caches, not for exclusion. */
  readonly router?: { readonly [K in MethodName<T>]?: T[K] extends (...args: infer A) => unknown ? (...args: A) => RoutingKey : never }
  /**
   * With `router`, how the keys are spread over the replicas: `slices`, each replica has the same share of all keys; `load`, keys move to where there is room,
   * by how often they are called. @default 'slices'
   */
  readonly balance?: Balance
  /** Methods that must not run twice: never retried after a failure in which they may have run. */
  readonly notRetriable?: readonly MethodName<T>[]
  /** Longest time of one call, in milliseconds, by method. A caller sets another for its calls by `withContext({ timeoutMs }, …)`. @default `defaultTimeoutMs` */
  readonly timeoutMs?: { readonly [K in MethodName<T>]?: number }
  /** Longest time of one call of any other method, in milliseconds. @default `defaultTimeoutMs` of `run()`, 30000 without */
  readonly defaultTimeoutMs?: number
  /**
   * One replica of this component leads, and `lead()` of its implementation runs there alone: `version`, one in each version; `app`, one in all versions that run
   * beside each other, and it is in the active one. Calls still go to all replicas.
   */
  readonly leader?: LeaderScope
}

/** The token of a component: a value that shares its name with the interface. Invariant in `T`. */
export interface Component<T> {
  readonly name: string
  readonly options: ComponentOptions<T>
  readonly [INTERFACE]?: (t: T) => T
}

/** A class that fulfils a component. The class itself may stay private to its module. */
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
 *   parts divided by `/`. Deployers, configuration, logs and metrics use it.
 * @throws WeaverError `WEAVER_COMPONENT_NAME` for a name of another form. A name that two
 *   components share is refused by `weaver generate`.
 * @example
 * export interface Cart {
 *   add(user: string, item: string): Promise<number>
 * }
 * export const Cart = component<Cart>('shop/Cart', { notRetriable: ['add'], timeoutMs: { add: 2_000 } })
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

/** What `main()` is given. */
export interface Life {
  /** Fires when the process begins to stop. */
  readonly signal: AbortSignal
}

/** The class given to `run`. */
export interface Main {
  /**
   * Starts the application's own work: usually serves a listener. May return; the process serves until it is told to stop. One that takes `life` works on and
   * must end when its signal fires: the stop waits for it, for 0.8 of the grace period at most, before any `shutdown()`. One that does not is not waited for.
   */
  main(life: Life): Promise<void> | void
}

/** What a leader holds, until it is over. */
export interface Lease {
  /**
   * Greater than that of every leader before, also of earlier versions. A store that remembers the greatest one it was shown, and refuses smaller ones, is safe
   * from a leader that does not know yet that it is none; any other is not.
   */
  readonly token: number
  /** Fires when this replica leads no more: the lease was lost, or the process stops. Its reason is a WeaverError `WEAVER_LEASE_ENDED`. */
  readonly signal: AbortSignal
}

/** Hooks that any implementation may have. */
export interface Hooks {
  /** Runs once, after all components that this one refers to have started. No call arrives before it is done. */
  init?(): Promise<void> | void
  /** Runs once, after the last call was answered; components that this one refers to still answer. */
  shutdown?(): Promise<void> | void
  /** Whether this component can work; called for the readiness of the process. A rejection counts as `false`. */
  health?(): Promise<boolean> | boolean
  /**
   * Runs while this replica leads; only with the option `leader`, and needed there. It must end when the signal fires: another replica begins soon after. The
   * signal is that of its context too, so calls that it makes end with it. A replica that has ended it early goes on as the leader; one whose `lead()` fails
   * gives the lease back, and stands again after a while. Never runs twice at once in one process.
   */
  lead?(lease: Lease): Promise<void> | void
}
