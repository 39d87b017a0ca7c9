import type { Server } from 'node:net'

/** A named endpoint for user traffic. */
export interface Listener {
  readonly name: string
  /**
   * Binds the server to the address that the deployer chose, and joins the readiness of the
   * process. On drain the weavelet closes it: it accepts no new connection, closes idle kept-alive
   * ones, and answers requests in flight.
   * @throws WeaverError `WEAVER_LISTENER_BIND` when the address cannot be bound;
   * `WEAVER_LISTENER_TWICE` when it already serves; `WEAVER_LISTENER_CLOSED` when the process is
   * stopping.
   */
  serve(server: Server): Promise<{ readonly host: string; readonly port: number }>
}
