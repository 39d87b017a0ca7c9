import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Factorer } from './factorer.js'

/** Worked out in less than a tenth of a second, even a prime. */
const MAX = 1_000_000_000_000

export class App implements Main {
  readonly factorer = ref(Factorer)
  readonly http = listener('factors')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const n = Number(new URL(request.url ?? '/', 'http://factors').searchParams.get('n') ?? '360')
      if (!Number.isInteger(n) || n < 1 || n > MAX) {
        response.writeHead(400).end(`n is a whole number from 1 to ${MAX}\n`)
        return
      }
      this.factorer.factors(n).then(
        (factors) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(factors)}\n`),
        (err: unknown) => {
          this.log.error('request failed', { n, err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }
}
