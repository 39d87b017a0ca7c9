import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Reverser } from './reverser.js'

export class App implements Main {
  readonly reverser = ref(Reverser)
  readonly http = listener('reverser')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const text = new URL(request.url ?? '/', 'http://reverser').searchParams.get('text') ?? ''
      response.setHeader('content-type', 'text/plain; charset=utf-8')
      this.reverser.reverse(text).then(
        (reversed) => response.end(`${reversed}\n`),
        (err: unknown) => {
          this.log.error('request failed', { err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }
}
