/** The broker of one deployment: a nats-server started for it, with an account and a user for each group, or one of the user's own. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  freePort,
  natsServerCommand,
  natsServerConfig,
  natsUrlOf,
  startNatsServer,
  type Envelope,
  type EnvelopeEvent,
  type NatsAccount,
} from '@weaver/deployer'
import type { SubjectLayout } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import type { FoundBroker } from './find-nats-server.js'
import type { ProcessGroup } from './process-groups.js'
import { brokerFileOf } from './running-deployments.js'

export interface DeploymentBroker {
  /** Where the weavelets of a group find it, and as whom; without a group the deployer. Holds a password. */
  urlOf(group?: string): string
  /** Without the password, for people. */
  readonly shown: string
  /** Of the process that was started; and a part of its command line. */
  readonly process: { readonly pid: number | undefined; readonly commandHas: string } | undefined
  close(): Promise<void>
}

export interface BrokerOptions {
  readonly found: FoundBroker
  readonly deploymentId: string
  readonly groups: readonly ProcessGroup[]
  readonly layout: SubjectLayout
  /** Where its configuration is kept while it runs; of this user alone. */
  readonly folder: string
  /** Of the deployment on the list that is in that folder. */
  readonly key: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onEvent: (event: EnvelopeEvent) => void
}

/** Another process may take the port between the look and the start. */
const ATTEMPTS = 3

/** @throws WeaverError `WEAVER_CLI_NATS` */
export async function startDeploymentBroker(options: BrokerOptions): Promise<DeploymentBroker> {
  const { found } = options
  if (found.kind === 'url') {
    const shown = found.url.replace(/\/\/[^/]*@/, '//')
    return { urlOf: () => found.url, shown, process: undefined, close: async () => undefined }
  }
  const { deploymentId, groups, layout, folder, key, env, onEvent } = options
  const account: NatsAccount = {
    deploymentId,
    groups,
    layout,
    passwords: { deployer: password(), groups: new Map(groups.map(({ name }) => [name, password()])) },
  }
  const file = join(folder, brokerFileOf(key))
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(file, natsServerConfig({ port, accounts: [account] }), { mode: 0o600 })
    let server: Envelope
    try {
      server = await startNatsServer(natsServerCommand(found.path, ['-c', file], env), { onEvent })
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      if (attempt < ATTEMPTS && why.includes('address already in use')) continue
      rmSync(file, { force: true })
      throw cliError('WEAVER_CLI_NATS', `"${found.path}", the broker (${found.from}), cannot be used: ${why}`, { cause })
    }
    return {
      urlOf: (group) => natsUrlOf(port, account, group),
      shown: `nats://127.0.0.1:${port}`,
      get process() {
        return { pid: server.pid, commandHas: file }
      },
      async close() {
        await server.stop()
        rmSync(file, { force: true })
      },
    }
  }
}

function password(): string {
  return randomBytes(24).toString('base64url')
}
