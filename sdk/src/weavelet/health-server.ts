import { createServer, type Server } from 'node:http'
import { LIVE_PATH, READY_PATH } from '../contract/control.js'

export interface HealthView {
  readonly deploymentId: string
  isReady(): Promise<boolean>
}

/**
 * `GET /healthz` answers 200 as long as the process turns; `GET /readyz` 200 only while ready and, asked with `?v=<deploymentId>`, only for that deployment: a
 * proxy that still holds the address of a pod that is gone must not take another one for it.
 */
export function createHealthServer(view: HealthView): Server {
  return createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://health')
      const asked = url.searchParams.get('v')
      const isRight = asked === null || asked === view.deploymentId
      const status = url.pathname === LIVE_PATH ? 200 : url.pathname !== READY_PATH ? 404 : isRight && (await view.isReady()) ? 200 : 503
      response.writeHead(status, { 'content-type': 'text/plain' })
      response.end(status === 200 ? 'ok\n' : isRight ? 'not ready\n' : `this is deployment ${view.deploymentId}\n`)
    })()
  })
}
