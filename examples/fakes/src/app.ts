import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Shop } from './shop.js'

export class App implements Main {
  readonly shop = ref(Shop)
  readonly http = listener('shop')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const cents = Number(new URL(request.url ?? '/', 'http://shop').searchParams.get('cents') ?? '100')
      this.shop.order('4711', cents).then(
        (order) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(order)}\n`),
        (err: unknown) => {
          this.log.error('request failed', { err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }
}
