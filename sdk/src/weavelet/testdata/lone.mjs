// A process of an application with nothing but main(), to be told by signals. SIGUSR2: the client library of the broker closes the connection for good, as it
// does when something in it throws. Prints READY when main() runs.
import { createRequire } from 'node:module'
import { run } from '../../../dist/weavelet/bootstrap.js'
import { genByHand } from '../../testing/hand-made-bindings.ts'

const { NatsConnectionImpl } = createRequire(import.meta.url)('nats/lib/nats-base-client/nats.js')
const { status } = NatsConnectionImpl.prototype
NatsConnectionImpl.prototype.status = function () {
  process.on('SIGUSR2', () => void this.protocol._close(new Error('a fault in the client library')))
  return status.call(this)
}

class App {
  main() {
    process.stdout.write('READY\n')
  }
}
await run(App, genByHand([]))
