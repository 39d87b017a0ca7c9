import type { WeaverGen } from '../component/binding.js'
import type { Component } from '../component/component.js'
import { startAssignmentController, type AssignmentController } from '../contract/assignment-controller.js'
import { WeaverError } from '../contract/errors.js'
import { startLeaderController } from '../contract/leader-controller.js'
import { createMemoryLeases } from '../contract/leader-leases.js'
import { encodeJson, parseRoutingStatus } from '../contract/routing.js'
import { controlSubject, inboxPrefix } from '../contract/subjects.js'
import { isRouted } from '../routing/routing.js'
import { connectNats } from '../rpc/nats-transport.js'
import type { Transport } from '../rpc/transport.js'
import { createLogger, type LogSink } from '../telemetry/logger.js'

export interface TestDeployer {
  /** Resolves when this replica knows which of so many replicas has which keys, for each of these components. */
  assigned(by: string, routed: readonly Component<unknown>[], replicas: number): Promise<void>
  stop(): Promise<void>
}

/** How long an assignment may take to be known. */
const ASSIGN_MS = 5_000
const ASK_MS = 10

/**
 * What the components of a test need of a deployer: one who decides who leads, and, where there are several replicas, who serves which keys. Connects to the broker
 * only where it is needed.
 */
export async function startTestDeployer(options: {
  readonly gen: WeaverGen
  readonly natsUrl: string
  readonly deploymentId: string
  readonly logSink: LogSink
  /** Of each component. @default 1 */
  readonly replicas?: number
}): Promise<TestDeployer> {
  const { gen, natsUrl, deploymentId, replicas = 1 } = options
  const tokens = gen.components().map(({ token }) => token)
  const components = tokens.flatMap(({ name, options: { leader } }) => (leader === undefined ? [] : [{ name, leader }]))
  const hasKeys = replicas > 1 && tokens.some(isRouted)
  if (components.length === 0 && !hasKeys) return { assigned: async () => undefined, stop: async () => undefined }
  const log = createLogger(options.logSink)
  const port = await connectNats({ servers: [natsUrl], name: 'deployer', inboxPrefix: inboxPrefix(deploymentId, 'deployer'), log })
  const leaders =
    components.length === 0
      ? undefined
      : startLeaderController({
          deploymentId,
          port,
          components,
          leases: createMemoryLeases(),
          onError: (err, component) => log.error('a lease could not be given', { component, err }),
        })
  // Nobody was there before: nothing to be asked for, and what comes together comes within milliseconds.
  const keys = hasKeys ? startAssignmentController({ deploymentId, port, startMs: 0, gatherMs: 5 }) : undefined
  await port.flush()
  return {
    assigned: async (by, routed, count) => {
      if (keys !== undefined) await untilAssigned({ port, keys, deploymentId, by, routed, count })
    },
    async stop() {
      leaders?.close()
      keys?.close()
      await port.close()
    },
  }
}

async function untilAssigned(options: {
  readonly port: Transport
  readonly keys: AssignmentController
  readonly deploymentId: string
  readonly by: string
  readonly routed: readonly Component<unknown>[]
  readonly count: number
}): Promise<void> {
  const { port, keys, deploymentId, by, routed, count } = options
  const inbox = `${inboxPrefix(deploymentId, 'deployer')}.known`
  const until = Date.now() + ASSIGN_MS
  await new Promise<void>((resolve, reject) => {
    const ask = (): void => port.publish(controlSubject(deploymentId, by), encodeJson({ kind: 'routing' }), inbox)
    const end = (then: () => void): void => {
      clearInterval(asking)
      answers.unsubscribe()
      then()
    }
    const answers = port.subscribe(inbox, ({ data, isNoResponders }) => {
      const known = isNoResponders ? [] : (parseRoutingStatus(data)?.assignments ?? [])
      const isKnown = ({ name }: Component<unknown>): boolean =>
        known.some(
          ({ component, epoch, replicas }) =>
            component === name && replicas.length === count && epoch === keys.assignments.get(name)?.epoch,
        )
      if (routed.every(isKnown)) end(resolve)
      else if (Date.now() > until)
        end(() =>
          reject(
            new WeaverError(
              'WEAVER_TEST',
              `the replicas of ${routed.map(({ name }) => `"${name}"`).join(', ')} did not share the keys within ${ASSIGN_MS / 1_000} s`,
            ),
          ),
        )
    })
    const asking = setInterval(ask, ASK_MS)
    ask()
  })
}
