import type { WeaverGen } from '../component/binding.js'
import { startLeaderController } from '../contract/leader-controller.js'
import { createMemoryLeases } from '../contract/leader-leases.js'
import { inboxPrefix } from '../contract/subjects.js'
import { connectNats } from '../rpc/nats-transport.js'
import { createLogger, type LogSink } from '../telemetry/logger.js'

/** What the components of a test need of a deployer: one who decides who leads. Connects to the broker only where some component has a leader. */
export async function startTestDeployer(options: {
  readonly gen: WeaverGen
  readonly natsUrl: string
  readonly deploymentId: string
  readonly logSink: LogSink
}): Promise<{ stop(): Promise<void> }> {
  const { gen, natsUrl, deploymentId } = options
  const components = gen
    .components()
    .flatMap(({ token }) => (token.options.leader === undefined ? [] : [{ name: token.name, leader: token.options.leader }]))
  if (components.length === 0) return { stop: async () => undefined }
  const log = createLogger(options.logSink)
  const port = await connectNats({ servers: [natsUrl], name: 'deployer', inboxPrefix: inboxPrefix(deploymentId, 'deployer'), log })
  const controller = startLeaderController({
    deploymentId,
    port,
    components,
    leases: createMemoryLeases(),
    onError: (err, component) => log.error('a lease could not be given', { component, err }),
  })
  return {
    async stop() {
      controller.close()
      await port.close()
    },
  }
}
