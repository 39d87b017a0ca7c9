/** What a deployer says to a listener's proxy, and hears from it: the types of the door. */
import type { ProxyLimits } from './limits.js'

/** One process that serves the listener. */
export interface Backend {
  /**
   * Names this process: a new process gets a new id, also behind the same port. The same id may
   * stand in several targets, with one address.
   */
  readonly id: string
  readonly host: string
  readonly port: number
}

/** What shares the traffic of a route by weight: a version of the application. */
export interface Target {
  readonly id: string
  /**
   * Share of the requests, relative to the other targets of the route: an integer from 0 to
   * 1,000,000. 0 gets none.
   */
  readonly weight: number
  readonly backends: readonly Backend[]
  /**
   * The version as users know it: answers name it in `weaver-version`, and requests may ask for it.
   * Targets of one version share it. Absent: neither. Letters, digits, `.`, `_` and `-`.
   */
  readonly version?: string
}

/** Which version a user reaches while several have weight. */
export interface Affinity {
  /**
   * `monotone`: a user has a number, and each target a part of the numbers, so that a user moves
   * only when the edge of a part passes the number. `newSessionsOnly`: a user stays with the
   * version of the first answer for as long as it has backends.
   */
  readonly mode: 'monotone' | 'newSessionsOnly'
  /** What identifies a user. @default a cookie of the proxy's own, `weaver-bucket` */
  readonly key?: { readonly header: string } | { readonly cookie: string }
  /**
   * By what a request may ask for a version: `x-weaver-version`, `?weaver-version=`, the cookie
   * `weaver-version`, in this order. @default all three
   */
  readonly carriers?: readonly ('header' | 'query' | 'cookie')[]
  /** How long the proxy's cookies hold. */
  readonly maxAgeSeconds: number
}

export interface Route {
  /**
   * `shop.example.com`, or `*.example.com` for every name below it. Without one, the route takes
   * what no other route names. Port and case do not matter.
   */
  readonly host?: string
  readonly targets: readonly Target[]
  /** For targets with a `version`. @default each request by itself */
  readonly affinity?: Affinity
}

/** Where the proxy logs: a constant message, data in fields. Loggers of `@weaver/sdk` fit. */
export interface ProxyLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}

export interface ProxyOptions {
  /** Address to listen on: `127.0.0.1`, `::`, a name. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /**
   * `tcp`: connections are passed on as they are, each to one backend; its one route has no `host`.
   * @default "http"
   */
  readonly protocol?: 'http' | 'tcp'
  /** The same as a first `setRoutes`. @default none: every request is answered with 503 */
  readonly routes?: readonly Route[]
  readonly limits?: Partial<ProxyLimits>
  /**
   * Whether `X-Forwarded-*` of a request is kept and added to. For a proxy behind another one;
   * otherwise a client could write what it likes.
   * @default false
   */
  readonly trustForwarded?: boolean
  /** @default nothing is logged */
  readonly log?: ProxyLog
}

export interface BackendStats {
  readonly id: string
  readonly address: string
  /** `down`: it refused a connection or broke one; it is tried again in the background. */
  readonly state: 'up' | 'down' | 'draining'
  /**
   * Requests it was given, with those given again after another backend failed. In TCP mode,
   * connections.
   */
  readonly requests: number
  readonly inFlight: number
  /** Requests it failed: no connection, a broken one, an answer that is not HTTP, none in time. */
  readonly errors: number
}

export interface TargetStats {
  readonly id: string
  readonly weight: number
  /**
   * Requests whose turn was this target's: what the weights divide, exactly. Those that asked for
   * its version are not among them.
   */
  readonly chosen: number
  /**
   * Requests that its backends answered or failed. More or less than `chosen` where a target
   * without a live backend was passed over.
   */
  readonly requests: number
  readonly inFlight: number
  /**
   * Requests that the proxy had to answer itself, or cut, because this target's backends failed
   * them.
   */
  readonly errors: number
  readonly backends: readonly BackendStats[]
}

export interface ProxyStats {
  /** Counters go on over `setRoutes`, as long as a route with this host has a target of this id. */
  readonly routes: readonly { readonly host?: string; readonly targets: readonly TargetStats[] }[]
  /** Open connections of clients. */
  readonly connections: number
  /**
   * Requests that were refused before they reached a target: not HTTP, ambiguous, too large, too
   * slow, a host that no route has.
   */
  readonly refused: number
  /** Attempts that were made again on another connection. */
  readonly retries: number
  /** Requests that asked for a version that was not there, and were answered by another. */
  readonly lostPins: number
}

export interface DrainOptions {
  /**
   * How long requests, streams and WebSockets may go on; then they are cut.
   * @default they are waited for without a limit
   */
  readonly graceMs?: number
}

export interface CloseOptions {
  /** How long requests in flight may go on; then they are cut. @default 10000 */
  readonly graceMs?: number
}

/** A running proxy. `[Symbol.asyncDispose]` closes it. */
export interface ListenerProxy extends AsyncDisposable {
  /** Where it listens: `127.0.0.1:8080`, `[::1]:8080`. */
  readonly address: string
  readonly port: number
  /**
   * Replaces all routes at once: every request that begins afterwards goes by the new ones. What is
   * in flight goes on where it is, also on a backend that is not named any more. A route whose
   * targets and weights are as before keeps its place in the sequence, so that shares stay exact
   * when only backends change.
   *
   * @throws WEAVER_PROXY_ROUTES, and nothing is changed
   */
  setRoutes(routes: readonly Route[]): void
  stats(): ProxyStats
  /**
   * Gives the backend no new request, for as long as its id is known, and resolves when nothing of
   * it is in flight: then it can be stopped without loss. Resolves with how many requests were cut
   * because `graceMs` was over. An id that is not known has nothing in flight.
   */
  drain(backendId: string, options?: DrainOptions): Promise<{ readonly cut: number }>
  /** Accepts nothing more, lets requests in flight end, and closes every connection. Idempotent. */
  close(options?: CloseOptions): Promise<void>
}
