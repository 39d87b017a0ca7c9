// An application of one process, over the SDK as it is built: main logs, counts, listens, and writes past its logger.
import { createServer } from 'node:http'
import { counter, listener, logger, run } from '@weaver/sdk'

const orders = counter('shop_orders_total', { help: 'Orders placed.', labels: ['kind'] })

const parent = process.ppid

class App {
  lis = listener('lis')
  log = logger()
  async main() {
    orders.with({ kind: 'gift' }).add(2)
    this.log.info('order placed', { sku: 'tea' })
    process.stdout.write('plain line on stdout\nno line end')
    process.stderr.write('plain line on stderr\n\nafter a blank one\n')
    let waiting
    await this.lis.serve(
      createServer(({ url }, response) => {
        if (url === '/wait') {
          waiting = response
          this.log.info('a request waits')
        } else {
          this.log.info('a request is answered')
          response.end('hi')
        }
      }),
    )
    // What is in flight is answered after the process was told to stop, and after its reader has gone.
    process.once('SIGTERM', () => this.answer(waiting))
    this.deployerGone = setInterval(() => {
      if (waiting !== undefined && process.ppid !== parent) this.answer(waiting)
    }, 20).unref()
  }
  answer(waiting) {
    clearInterval(this.deployerGone)
    this.log.info('answered late')
    console.log('past the logger')
    waiting?.end('late')
  }
}

await run(App, { format: 2, fingerprint: '0'.repeat(64), main: { refs: [], listeners: ['lis'] }, components: () => [] })
