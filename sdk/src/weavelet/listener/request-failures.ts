/**
 * Handles requests whose handler fails. Node alone would end the process: a server ignores the
 * promise of an `async` handler, and an unhandled rejection is fatal.
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { isPromise } from '../../context/is-promise.js'
import type { Logger } from '../../telemetry/logger.js'
import { speaksHttp } from '../../telemetry/observe-http.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

/**
 * From now on a handler that throws or rejects results in status 500, or in a cut-off response if
 * one had begun, and in a log entry.
 */
export function answerFailures(server: Server, { listener, log }: { readonly listener: string; readonly log: Logger }): void {
  if (!speaksHttp(server)) return
  const emit = server.emit
  server.emit = function (this: HttpServer, event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'request') return Reflect.apply(emit, this, [event, ...args]) as boolean // emit() returns a boolean
    const [request, response] = args as [IncomingMessage, ServerResponse] // the arguments of this event
    const onFailure = (err: unknown): void => {
      log.error('a request handler failed', { listener, method: request.method, path: request.url?.split('?', 1)[0], err })
      answerInternalError(response)
    }
    const handlers = this.rawListeners('request') as Handler[] // the listeners of this event
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
  if (response.headersSent) return void response.destroy() // its reader must not take it for a complete one
  if (response.writableEnded) return
  for (const name of response.getHeaderNames()) response.removeHeader(name) // they describe the response that was not sent
  response.statusCode = 500
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end('internal error\n')
}
