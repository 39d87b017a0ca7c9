/** Times and sizes that keep one slow or hostile peer from holding the proxy. */
export interface ProxyLimits {
  /** From the first byte of a request's head to its last. @default 10000 */
  readonly headMs: number
  /** How long a connection without a request is kept open. @default 60000 */
  readonly idleMs: number
  /**
   * How long a request's body, or a client that does not read its answer, may stand still.
   * @default 60000
   */
  readonly stallMs: number
  /** Until a connection to a backend is there. @default 2000 */
  readonly connectMs: number
  /** From the request's last byte to the head of its answer; then 504. @default 60000 */
  readonly answerMs: number
  /**
   * How long a request waits for a backend when none of its route is alive; then 503.
   * @default 2000
   */
  readonly queueMs: number
  /**
   * How long a connection to a backend is kept for the next request. A `Keep-Alive: timeout=` of
   * the backend that is shorter goes first.
   * @default 4000
   */
  readonly backendIdleMs: number
}

const DEFAULTS: ProxyLimits = {
  headMs: 10_000,
  idleMs: 60_000,
  stallMs: 60_000,
  connectMs: 2_000,
  answerMs: 60_000,
  queueMs: 2_000,
  backendIdleMs: 4_000,
}

export function resolveProxyLimits(limits: Partial<ProxyLimits> = {}): ProxyLimits {
  return { ...DEFAULTS, ...limits }
}
