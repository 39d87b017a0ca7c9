/** How calls of a routed component find the replica that owns their key. `routing/routing-table.ts` knows; a call to a component without routers has none. */
export interface Route {
  /**
   * @returns the replica that the call should go to; `undefined`: any. What the broker says of a replica that does not answer is told to `onUnreachable`.
   * @throws what the router throws; WeaverError `WEAVER_ROUTING_KEY`.
   */
  ownerFor(method: string, args: readonly unknown[]): string | undefined
  onUnreachable(replica: string): void
}
