/**
 * What becomes of a request whose handler fails. By itself Node would end the process: a server does not look at the promise of an `async` handler, and a rejection
 * that nobody hears is fatal.
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { isPromise } from '../../context/is-promise.js'
import type { Logger } from '../../telemetry/logger.js'
import { speaksHttp } from '../../telemetry/observe-http.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

/** From now on a handler that throws or rejects is an answer with status 500, or an answer that is cut off where one had begun, and a log entry. */
export function answerFailures(server: Server, { listener, log }: { readonly listener: string; readonly log: Logger }): void {
  if (!speaksHttp(server)) return
  const emit = server.emit
  server.emit = function (this: HttpServer, event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'request') return Reflect.apply(emit, this, [event, ...args]) as boolean // what emit() returns
    const [request, response] = args as [IncomingMessage, ServerResponse] // that is what the event carries
    const onFailure = (err: unknown): void => {
      log.error('a request handler failed', { listener, method: request.method, path: request.url?.split('?', 1)[0], err })
      answerInternalError(response)
    }
    const handlers = this.rawListeners('request') as Handler[] // the same
    for (const handler of handlers) {
      try {
        const result = handler.call(this, request, response)
        if (isPromise(result)) result.then(undefined, onFailure)
      } catch (error) {
        onFailure(error)
      }
    }
    return handlers.length > 0
  } as typeof server.emit // the overloads differ in the types of the events' arguments, which are passed through
}

function answerInternalError(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy() // its reader must not take it for a whole one
  if (response.writableEnded) return
  for (const name of response.getHeaderNames()) response.removeHeader(name) // they speak of the answer that there is not
  response.statusCode = 500
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end('internal error\n')
}
