import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { config, listener, logger, ref, withContext, type Main } from '@weaver/sdk'
import { z } from 'zod'
import { PAGE } from './page.js'
import { Rooms } from './rooms.js'

const MAX_BYTES = 10_000

/**
 * `GET /` is a page, `GET /rooms/tea` the messages of a room as Server-Sent Events, `POST
 * /rooms/tea?author=ada` says something there.
 */
export class App implements Main {
  readonly rooms = ref(Rooms)
  readonly http = listener('chat')
  readonly log = logger()
  // A browser opens an ended stream again by itself, from where it was. So a process that is to
  // stop, or be replaced, waits for no stream longer than this.
  readonly options = config(z.strictObject({ streamMs: z.number().int().positive().default(5_000) }))

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      this.answer(request, response).catch((err: unknown) => {
        this.log.error('request failed', { url: request.url, err })
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
    await this.http.serve(server)
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://chat')
    const room = /^\/rooms\/([\w-]{1,50})$/.exec(url.pathname)?.[1]
    if (url.pathname === '/') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE)
    else if (room === undefined) response.writeHead(404).end('a room is at /rooms/NAME\n')
    else if (request.method === 'GET') await this.follow(room, request, response)
    else if (Number(request.headers['content-length'] ?? Infinity) > MAX_BYTES)
      response.writeHead(413).end(`a message has at most ${MAX_BYTES} bytes, and says so beforehand\n`)
    else {
      const message = await this.rooms.post(room, url.searchParams.get('author') ?? 'somebody', await text(request))
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(message)}\n`)
    }
  }

  private async follow(room: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const after = Number(request.headers['last-event-id'] ?? 0) || 0
    const left = new AbortController()
    response.on('close', () => left.abort())
    const signal = AbortSignal.any([left.signal, AbortSignal.timeout(this.options.streamMs)])
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write('retry: 100\n\n')
    try {
      await withContext({ signal }, async () => {
        for await (const message of this.rooms.follow(room, after))
          if (!response.write(`id: ${message.id}\ndata: ${JSON.stringify(message)}\n\n`)) await once(response, 'drain', { signal })
      })
    } catch (error) {
      if (!signal.aborted) throw error
    }
    response.end()
  }
}
