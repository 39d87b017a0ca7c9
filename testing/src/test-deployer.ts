import { setTimeout as sleep } from 'node:timers/promises'
import { createMemoryLeases, startAssignmentController, startLeaderController } from '@weaver/deployer'
import { controlSubject, deployerInboxPrefix, parseRoutingStatus, WeaverError, type Balance } from '@weaver/sdk/contract'
import { connectNats, createLogger, isRouted, type LogSink, type WeaverGen } from '@weaver/sdk/internal'

export interface TestDeployer {
  /** Asks a weavelet over the control channel. @returns `undefined` when it does not answer (yet) */
  ask(replica: string, kind: 'status' | 'routing'): Promise<Uint8Array | undefined>
  /** Resolves when this replica knows which replicas have which keys, for each of these components. */
  assigned(by: string, routed: readonly RoutedComponent[]): Promise<void>
  stop(): Promise<void>
}

export interface RoutedComponent {
  readonly name: string
  readonly replicas: number
}

/** How long an assignment may take to be known. */
const ASSIGN_MS = 5_000
const ANSWER_MS = 1_000

/**
 * What the components of a test need of a deployer: one who decides who leads, and, where there are several replicas, who serves which keys.
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
  // Nobody was there before: nothing to be asked for, and what comes together comes within milliseconds.
  const balanceOf = (component: string): Balance | undefined => tokens.find(({ name }) => name === component)?.options.balance
  const keys = hasKeys ? startAssignmentController({ deploymentId, port, balanceOf, startMs: 0, gatherMs: 5 }) : undefined
  await port.flush()
  let asked = 0
  const ask: TestDeployer['ask'] = (replica, kind) =>
    new Promise((resolve) => {
      const end = (answer: Uint8Array | undefined): void => {
        clearTimeout(timer)
        answers.unsubscribe()
        resolve(answer)
      }
      const inbox = `${port.inbox}.ask.${(asked += 1)}`
      const timer = setTimeout(() => end(undefined), ANSWER_MS)
      const answers = port.subscribe(inbox, ({ data, isNoResponders }) => end(isNoResponders ? undefined : data))
      port.publish(controlSubject(deploymentId, replica), new TextEncoder().encode(JSON.stringify({ kind })), inbox)
    })
  return {
    ask,
    async assigned(by, routed) {
      if (keys === undefined) return
      const until = Date.now() + ASSIGN_MS
      for (;;) {
        const answer = await ask(by, 'routing')
        const known = (answer === undefined ? undefined : parseRoutingStatus(answer))?.assignments ?? []
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
