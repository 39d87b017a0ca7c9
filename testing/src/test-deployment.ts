import { randomUUID } from 'node:crypto'
import type { Main } from '@weaver/sdk'
import type { Bootstrap } from '@weaver/sdk/contract'
import { startWeavelet, type LogSink, type Weavelet, type WeaverGen } from '@weaver/sdk/internal'
import { startTestDeployer } from './test-deployer.js'

export interface TestDeploymentOptions {
  readonly app: new () => Main
  readonly gen: WeaverGen
  readonly natsUrl: string
  /**
   * Components of each weavelet, by the name of its group; each is a weavelet of this process that
   * reaches the others through the broker only.
   */
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly config?: Readonly<Record<string, unknown>>
  readonly deploymentId?: string
  readonly listeners?: readonly string[]
}

export interface TestDeployment {
  readonly deploymentId: string
  readonly weavelets: Readonly<Record<string, Weavelet>>
  /** What the weavelets logged. */
  readonly logs: readonly { readonly level: string; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[]
  stop(): Promise<void>
}

/**
 * The weavelets of one deployment in one process, split as a deployer would split them. They talk
 * over a real broker.
 */
export async function startTestDeployment(options: TestDeploymentOptions): Promise<TestDeployment> {
  const deploymentId = options.deploymentId ?? `test-${randomUUID().slice(0, 8)}`
  const logs: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  const logSink: LogSink = { level: 'debug', write: (level, message, fields) => void logs.push({ level, message, fields }) }
  const deployer = await startTestDeployer({ gen: options.gen, natsUrl: options.natsUrl, deploymentId, logSink })
  const started = await Promise.allSettled(
    Object.entries(options.groups).map(async ([group, components]): Promise<readonly [string, Weavelet]> => {
      const bootstrap: Bootstrap = {
        version: 1,
        app: 'test',
        deploymentId,
        versionId: deploymentId.slice(-8),
        group,
        replica: `${group}-0`,
        components,
        listeners: Object.fromEntries(
          (options.listeners ?? []).filter(() => components.includes('weaver/Main')).map((name) => [name, { address: '127.0.0.1:0' }]),
        ),
        nats: { servers: [options.natsUrl] },
        health: { address: '127.0.0.1:0' },
        config: options.config ?? {},
      }
      const weavelet = await startWeavelet({
        app: options.app,
        gen: options.gen,
        deployment: { app: 'test', deploymentId, versionId: bootstrap.versionId, group, replica: bootstrap.replica, isSingle: false },
        bootstrap,
        configOf: (component) => bootstrap.config[component],
        configSections: Object.keys(bootstrap.config),
        addressOf: (listener) => bootstrap.listeners[listener]?.address ?? '127.0.0.1:0',
        logSink,
        onFailed: (error) => void logs.push({ level: 'error', message: 'the weavelet failed', fields: { err: error } }),
      })
      return [group, weavelet]
    }),
  )
  const weavelets = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const stop = async (): Promise<void> => {
    await Promise.all(weavelets.map(([, weavelet]) => weavelet.stop()))
    await deployer.stop()
  }
  const failed = started.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return { deploymentId, weavelets: Object.fromEntries(weavelets), logs, stop }
}
