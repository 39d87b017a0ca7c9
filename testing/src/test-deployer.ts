import { setTimeout as sleep } from 'node:timers/promises'
import { brokerControl, createMemoryLeases, startAssignmentController, startLeaderController, type ControlChannel } from '@weaver/deployer'
import { deployerInboxPrefix, WeaverError, type Balance } from '@weaver/sdk/contract'
import { connectNats, createLogger, isRouted, type LogSink, type WeaverGen } from '@weaver/sdk/internal'

export interface TestDeployer {
  /** Asks this weavelet. */
  controlOf(replica: string): ControlChannel
  /**
   * Resolves when this replica knows which replicas have which keys, for each of these components.
   */
  assigned(by: string, routed: readonly RoutedComponent[]): Promise<void>
  stop(): Promise<void>
}

export interface RoutedComponent {
  readonly name: string
  readonly replicas: number
}

/** How long an assignment may take to be known. */
const ASSIGN_MS = 20_000

/**
 * What the components of a test need of a deployer: one who decides who leads, and, where there are
 * several replicas, who serves which keys.
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
  const log = createLogger(options.logSink)
  const port = await connectNats({ servers: [natsUrl], name: 'deployer', inboxPrefix: deployerInboxPrefix(deploymentId, 'test'), log })
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
  // Nobody was there before: nothing to be asked for, and what comes together comes within
  // milliseconds.
  const balanceOf = (component: string): Balance | undefined => tokens.find(({ name }) => name === component)?.options.balance
  const keys = hasKeys ? startAssignmentController({ deploymentId, port, balanceOf, startMs: 0, gatherMs: 5 }) : undefined
  await port.flush()
  const controlOf = (replica: string): ControlChannel => brokerControl(port, { deploymentId, replica })
  return {
    controlOf,
    async assigned(by, routed) {
      if (keys === undefined) return
      const control = controlOf(by)
      const until = Date.now() + ASSIGN_MS
      for (;;) {
        const reply = await control.ask({ kind: 'routing' })
        const known = reply?.kind === 'routing' ? reply.assignments : []
        const missing = routed.filter(
          ({ name, replicas }) => !known.some((assignment) => assignment.component === name && assignment.replicas.length === replicas),
        )
        if (missing.length === 0) return
        if (Date.now() > until)
          throw new WeaverError(
            'WEAVER_TEST',
            `the replicas of ${missing.map(({ name }) => `"${name}"`).join(', ')} did not share the keys within ${ASSIGN_MS / 1_000} s`,
          )
        await sleep(5)
      }
    },
    async stop() {
      leaders?.close()
      keys?.close()
      await port.close()
    },
  }
}
