import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Greeter } from './greeter.js'

export class App implements Main {
  readonly greeter = ref(Greeter)
  readonly http = listener('hello')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const name = new URL(request.url ?? '/', 'http://hello').searchParams.get('name') ?? 'World'
      this.greeter.greet(name).then(
        (text) => response.end(`${text}\n`),
        (err: unknown) => {
          this.log.error('request failed', { err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }
}
