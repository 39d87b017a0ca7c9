import { createServer, type Server } from 'node:http'
import { LIVE_PATH, METRICS_PATH, READY_PATH } from '../../contract/control.js'
import { reasonOf } from '../../contract/errors.js'

export interface HealthView {
  readonly deploymentId: string
  isReady(): Promise<boolean>
  /** @param accept the request's header */
  metrics(accept: string | undefined): { readonly type: string; readonly text: string }
}

/**
 * `GET /healthz` answers 200 as long as the event loop turns; `GET /readyz` only while ready and,
 * with `?v=<deploymentId>`, only for that deployment: a proxy that still holds the address of a
 * deleted pod must not mistake another pod for it. `GET /metrics` is for Prometheus.
 */
export function createHealthServer(view: HealthView): Server {
  return createServer((request, response) => {
    void (async () => {
      const url = urlOf(request.url)
      if (url === undefined) {
        response.writeHead(400, { 'content-type': 'text/plain' })
        response.end('not found\n')
        return
      }
      if (url.pathname === METRICS_PATH) {
        const { type, text } = view.metrics(request.headers.accept)
        response.writeHead(200, { 'content-type': type })
        response.end(text)
        return
      }
      const asked = url.searchParams.get('v')
      const isRight = asked === null || asked === view.deploymentId
      const status = url.pathname === LIVE_PATH ? 200 : url.pathname !== READY_PATH ? 404 : isRight && (await view.isReady()) ? 200 : 503
      response.writeHead(status, { 'content-type': 'text/plain' })
      response.end(
        status === 200
          ? 'ok\n'
          : status === 404
            ? 'nothing is here\n'
            : isRight
              ? 'not ready\n'
              : `this is deployment ${view.deploymentId}\n`,
      )
    })().catch((error: unknown) => {
      // Affects this request only: a failing reply must not end the process.
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(`this cannot be answered: ${reasonOf(error)}\n`)
    })
  })
}

/** `undefined` for an invalid path, such as `//`, which anyone in the cluster can send. */
function urlOf(path: string | undefined): URL | undefined {
  try {
    return new URL(path ?? '/', 'http://health')
  } catch {
    return undefined
  }
}
