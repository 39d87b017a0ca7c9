import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { operatorError } from '../errors/catalogue.js'

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  /** The caches are filled, whether or not this process leads. */
  readonly isReady: () => boolean
}
export interface OperatorHttpServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * `/healthz` (this process answers; it does not depend on the API server), `/readyz`, `/metrics`.
 * @throws WeaverError `WEAVER_OPERATOR_LISTEN` when the address cannot be bound.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<OperatorHttpServer> {
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      void response.writeHead(status, { 'content-type': type }).end(body)
    if (path === '/healthz') answer(200, 'ok\n')
    else if (path === '/readyz' && options.isReady()) answer(200, 'ok\n')
    else if (path === '/readyz') answer(503, 'the caches are not filled yet\n')
    else if (path === '/metrics')
      options.metrics().then(
        ({ body, contentType }) => answer(200, body, contentType),
        (error: unknown) => answer(500, `${String(error)}\n`),
      )
    else answer(404, 'use /healthz, /readyz or /metrics\n')
  })
  server.listen(options.port, options.host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw operatorError(
      'WEAVER_OPERATOR_LISTEN',
      `cannot serve metrics at ${options.host}:${options.port}: ${(cause as Error).message}; set WEAVER_METRICS_ADDRESS to a free address`,
      { cause },
    )
  }
  const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
  return {
    port,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
