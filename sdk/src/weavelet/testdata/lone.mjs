// A process of an application with nothing but main(), to be told by signals. SIGUSR2: the client library of the broker closes the connection for good, as it
// does when something in it throws. Prints READY when main() runs.
import { NatsConnectionImpl } from '@nats-io/transport-node'
import { run } from '../../../dist/weavelet/bootstrap.js'
import { genByHand } from '../../testing/hand-made-bindings.ts'

const { status } = NatsConnectionImpl.prototype
NatsConnectionImpl.prototype.status = function () {
  process.on('SIGUSR2', () => void this.protocol.close(new Error('a fault in the client library')))
  return status.call(this)
}

class App {
  main() {
    process.stdout.write('READY\n')
  }
}
await run(App, genByHand([]))
