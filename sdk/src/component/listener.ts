import type { Server } from 'node:net'

/** A named endpoint for user traffic. */
export interface Listener {
  readonly name: string
  /**
   * Binds the server to the address that the deployer picked, and counts into the readiness of the process. On drain the weavelet closes it: no new
   * connection, idle kept-alive ones closed, requests in flight answered.
   * @throws WeaverError `WEAVER_LISTENER_BIND` when the address cannot be bound; `WEAVER_LISTENER_TWICE` when it serves already;
   *   `WEAVER_LISTENER_CLOSED` when the process is stopping.
   */
  serve(server: Server): Promise<{ readonly host: string; readonly port: number }>
}
