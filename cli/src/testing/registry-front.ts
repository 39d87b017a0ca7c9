import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}
export interface RegistryFront {
  /** `127.0.0.1:port` */
  readonly host: string
  readonly seen: readonly SeenRequest[]
  stop(): Promise<void>
}
export interface FrontOptions {
  /** Answers in place of the registry behind. @returns true if it did */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Replaces `Authorization` for the registry behind. */
  readonly authorization?: string
  /** Changes the headers of the registry's answers. */
  readonly change?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders
}

/**
 * A proxy in front of a real registry, as companies run them: it sees every request, and may answer
 * itself or change an answer.
 */
export async function startFront(behind: string, { answer, authorization, change }: FrontOptions = {}): Promise<RegistryFront> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers })
    if (answer?.(request, response) === true) return void request.resume()
    const [host, port] = behind.split(':')
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) }
    const passed = httpRequest({ host, port, path: request.url, method: request.method, headers }, (from) => {
      response.writeHead(from.statusCode ?? 502, change?.(from.headers) ?? from.headers)
      from.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return {
    host: `127.0.0.1:${port}`,
    seen,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
