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
  type NatsAccount,
} from '@weaver/deployer'
import { cliError } from '../../errors/catalogue.js'
import type { FoundBroker } from './find-nats-server.js'
import type { BrokerOf, DeploymentBroker } from './process-site.js'
import { brokerFileOf } from './running-deployments.js'

/** Where a broker of this machine comes from, and where its configuration is kept while it runs. */
export interface BrokerPlace {
  readonly found: FoundBroker
  /** Of this user alone. */
  readonly folder: string
  /** Of the deployment on the list that is in that folder. */
  readonly key: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Another process may take the port between the look and the start. */
const ATTEMPTS = 3

/** @throws WeaverError `WEAVER_CLI_NATS` */
export async function startDeploymentBroker(options: BrokerOf & BrokerPlace): Promise<DeploymentBroker> {
  const { found } = options
  if (found.kind === 'url') return sharedBroker(found.url)
  const { folder, key, env, onEvent } = options
  const account = newAccount(options)
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
      natsOf: (group) => ({ servers: [natsUrlOf({ port }, account, group)] }),
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

/** One that runs already: whatever it knows of users is in its URL. */
export function sharedBroker(url: string): DeploymentBroker {
  const shown = url.replace(/\/\/[^/]*@/, '//')
  return { natsOf: () => ({ servers: [url] }), shown, process: undefined, close: async () => undefined }
}

/** With passwords that are new. */
export function newAccount({ deploymentId, groups, layout }: BrokerOf): NatsAccount {
  const passwords = { deployer: password(), groups: new Map(groups.map(({ name }) => [name, password()])) }
  return { deploymentId, groups, layout, passwords }
}

function password(): string {
  return randomBytes(24).toString('base64url')
}
