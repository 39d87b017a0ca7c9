/**
 * Requests by HTTP over a socket that only its user can access: the control channel
 * (contract/control.ts) of a process without a broker, and that of a deployer.
 */
import { chmod } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { CONTROL_PATH } from '../../contract/single.js'
import { answerControlRequest, type ControlTarget } from './control-channel.js'

const MAX_REQUEST_BYTES = 64 * 1024

export interface ControlSocketOptions {
  /** The JSON reply to the body of a request. */
  answer(body: Uint8Array): Promise<unknown>
  /** Called when a request could not be answered. */
  onProblem(error: unknown): void
  /** A longer body is refused. @default 64 KiB, as most requests are short */
  readonly maxRequestBytes?: number
}

/** The control channel of this weavelet. @throws as {@link serveControlSocket} */
export function startControlServer(socket: string, to: ControlTarget): Promise<{ close(): Promise<void> }> {
  return serveControlSocket(socket, {
    answer: (body) => answerControlRequest(body, to),
    onProblem: (error) => to.log.warn('a request on the control socket could not be answered', { err: error }),
  })
}

/**
 * Answers on the socket until closed.
 * @throws Error when it cannot be bound
 */
export async function serveControlSocket(socket: string, to: ControlSocketOptions): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void (async () => {
      const isAsked = request.method === 'POST' && request.url === CONTROL_PATH
      const body = isAsked ? await bodyOf(request, to.maxRequestBytes ?? MAX_REQUEST_BYTES) : undefined
      if (body === undefined) return void response.writeHead(isAsked ? 413 : 404).end()
      const reply = await to.answer(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
    })().catch((error: unknown) => {
      to.onProblem(error)
      response.destroy()
    })
  })
  server.listen(socket)
  await once(server, 'listening')
  if (process.platform !== 'win32') await chmod(socket, 0o600)
  server.unref() // the application decides whether the process stays alive
  let closed: Promise<unknown> | undefined
  return {
    async close() {
      closed ??= once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
