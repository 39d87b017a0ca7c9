import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Even, Odd } from './steps.js'

/** Below it no number on the way to 1 is too large for a double. */
const MAX = 1_000_000

export class App implements Main {
  readonly even = ref(Even)
  readonly odd = ref(Odd)
  readonly http = listener('collatz')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const n = Number(new URL(request.url ?? '/', 'http://collatz').searchParams.get('n') ?? '27')
      if (!Number.isInteger(n) || n < 1 || n > MAX) {
        response.writeHead(400).end(`n is a whole number from 1 to ${MAX}\n`)
        return
      }
      const steps = n % 2 === 0 ? this.even.steps(n) : this.odd.steps(n)
      steps.then(
        (count) => response.end(`${n}: ${count} steps\n`),
        (err: unknown) => {
          this.log.error('request failed', { n, err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }
}
