/**
 * A proxy in front of the API server that breaks things on demand. It differs from a bad network:
 * it speaks HTTP/1.1 without TLS to the client, adds the admin's token itself, and breaks whole
 * requests or the stream of an answer, not packets.
 */
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { kubeConfigOf } from './kube-config-of.js'

/** What happens to a request instead of being forwarded; `undefined`: it is forwarded. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** It is carried out; the answer comes later. */
  | { readonly answerAfterMs: number }
  /** No answer ever. */
  | 'hang'
  /** The connection is cut without an answer. */
  | 'cut'
  /** The head of the answer, a part of its body, then silence. */
  | 'stall'
  | undefined

export interface FaultProxy {
  readonly config: KubeConfig
  /** Asked for each request. */
  fault: (request: { readonly method: string; readonly url: URL }) => Fault
  /** Requests so far, as `GET /api/…?…`. */
  readonly requests: readonly string[]
  /** Watches that are open. */
  readonly openWatches: number
  /** Cuts the connections of all open watches in the middle of an event. */
  cutWatches(): void
  /** Open watches stay open and say nothing more. */
  silenceWatches(): void
  close(): Promise<void>
}

export async function startFaultProxy(target: { readonly url: string; readonly config: KubeConfig }): Promise<FaultProxy> {
  const watches = new Set<{ readonly answer: ServerResponse; readonly upstream: IncomingMessage; isSilent: boolean }>()
  const requests: string[] = []
  const authorization = `Bearer ${target.config.getCurrentUser()?.token}`
  const pass = (
    incoming: IncomingMessage,
    answer: ServerResponse,
    url: URL,
    how: { readonly isStalled: boolean; readonly answerAfterMs: number },
  ): void => {
    const isWatch = url.searchParams.get('watch') === 'true'
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const outgoing = send(
      url,
      { method: incoming.method, headers: { ...incoming.headers, host: url.host, authorization }, rejectUnauthorized: false },
      async (upstream) => {
        if (how.answerAfterMs > 0) await new Promise((resolve) => setTimeout(resolve, how.answerAfterMs))
        // The client has gone meanwhile.
        if (answer.destroyed) return void upstream.destroy()
        answer.writeHead(upstream.statusCode ?? 502, upstream.headers)
        answer.flushHeaders()
        if (how.isStalled) return void upstream.once('data', (chunk: Buffer) => answer.write(chunk.subarray(0, chunk.length / 2)))
        const watch = { answer, upstream, isSilent: false }
        if (isWatch) watches.add(watch)
        upstream.on('data', (chunk: Buffer) => watch.isSilent || answer.write(chunk))
        upstream.on('end', () => watch.isSilent || answer.end())
        upstream.on('error', () => answer.destroy())
        answer.on('close', () => {
          watches.delete(watch)
          upstream.destroy()
        })
      },
    )
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  }
  const server = createServer((incoming, answer) => {
    const url = new URL(incoming.url ?? '/', target.url)
    const method = incoming.method ?? 'GET'
    requests.push(`${method} ${url.pathname}${url.search}`)
    const fault = proxy.fault({ method, url })
    if (fault === 'hang') return
    if (fault === 'cut') return void incoming.socket.destroy()
    if (typeof fault === 'object' && 'status' in fault) return void answer.writeHead(fault.status, fault.headers).end(fault.body ?? '')
    pass(incoming, answer, url, { isStalled: fault === 'stall', answerAfterMs: typeof fault === 'object' ? fault.answerAfterMs : 0 })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
  const config = kubeConfigOf(`http://127.0.0.1:${port}`)
  const proxy: FaultProxy = {
    config,
    fault: () => undefined,
    requests,
    get openWatches() {
      return watches.size
    },
    cutWatches() {
      for (const { answer } of watches) answer.socket?.destroy()
    },
    silenceWatches() {
      for (const watch of watches) watch.isSilent = true
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
