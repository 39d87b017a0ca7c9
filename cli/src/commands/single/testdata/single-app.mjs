// An application of one process, over the SDK as it is built: main logs, counts, listens, and writes past its logger.
import { createServer } from 'node:http'
import { counter, listener, logger, run } from '@weaver/sdk'

const orders = counter('shop_orders_total', { help: 'Orders placed.', labels: ['kind'] })

class App {
  lis = listener('lis')
  log = logger()
  async main() {
    orders.with({ kind: 'gift' }).add(2)
    this.log.info('order placed', { sku: 'tea' })
    process.stdout.write('plain line on stdout\nno line end')
    process.stderr.write('plain line on stderr\n\nafter a blank one\n')
    await this.lis.serve(createServer((_request, response) => response.end('hi')))
  }
}

await run(App, { format: 2, fingerprint: '0'.repeat(64), main: { refs: [], listeners: ['lis'] }, components: () => [] })
