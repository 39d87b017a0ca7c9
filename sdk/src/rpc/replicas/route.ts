/**
 * How calls of a routed component find the replica that owns their key, from
 * `routing/routing-table.ts`; a component without routers has no route.
 */
export interface Route {
  /**
   * @returns the replica for the call; `undefined` for any. If the broker reports that it does not
   * respond, `onUnreachable` is called.
   * @throws what the router throws; WeaverError `WEAVER_ROUTING_KEY`.
   */
  ownerFor(method: string, args: readonly unknown[]): string | undefined
  onUnreachable(replica: string): void
}
