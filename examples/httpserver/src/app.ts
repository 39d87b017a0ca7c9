import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { config, deployment, listener, logger, ref, type Main } from '@weaver/sdk'
import { z } from 'zod'
import { Converter, type Style } from './converter.js'
import { Reverser } from './reverser.js'
import { sign } from './signature.js'

/** Answers HTTP; the work is done by two components, which may run in this process or in others. */
export class App implements Main {
  readonly reverser = ref(Reverser)
  readonly converter = ref(Converter)
  readonly http = listener('lis')
  readonly options = config(z.strictObject({ greeting: z.string().default('Hello') }))
  readonly log = logger()

  async main(): Promise<void> {
    await this.http.serve(
      createServer((request, response) => {
        this.answer(request, response).catch((error: unknown) => {
          this.log.error('request failed', { url: request.url, err: error })
          if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
          response.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
        })
      }),
    )
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://httpserver')
    const text = url.searchParams.get('text') ?? 'world'
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-weaver-version': deployment().versionId })
      response.end(`${JSON.stringify(body)}\n`)
    }
    switch (url.pathname) {
      case '/':
      case '/hello':
        return send(200, { greeting: `${this.options.greeting}, ${await this.converter.convert(text, 'title')}!` })
      case '/reverse':
        return send(200, { text: await this.reverser.reverse(text) })
      case '/convert':
        return send(200, { text: await this.converter.convert(text, styleOf(url.searchParams.get('style'))) })
      case '/signed': {
        // One answer that passed both components, each of which signs for itself.
        const reversed = await this.reverser.reverse(text)
        const [converted, reverser, converter] = await Promise.all([
          this.converter.convert(reversed, 'upper'),
          this.reverser.sign(),
          this.converter.sign(),
        ])
        return send(200, { text: converted, main: sign(), reverser, converter })
      }
      case '/slow':
        await new Promise((resolve) => setTimeout(resolve, Math.min(Number(url.searchParams.get('ms') ?? 1000), 20_000)))
        return send(200, { text: await this.reverser.reverse(text) })
      default:
        return send(404, {
          error: `there is nothing at ${url.pathname}; try /hello, /reverse, /convert, /signed or /slow, each with ?text=`,
        })
    }
  }
}

function styleOf(asked: string | null): Style {
  return asked === 'lower' || asked === 'title' ? asked : 'upper'
}
