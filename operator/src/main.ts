#!/usr/bin/env node
/**
 * The operator's process: the composition root. It alone reads the command line and the environment, makes the clients, and hears signals.
 *
 * Start: HTTP server (alive at once), broker (in the background), caches, lease, work. Stop on SIGTERM or SIGINT: no new keys, the running ones end, the
 * lease is given up, connections close. A lost lease ends the process at once: another leads already.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadKubeconfig } from '@weaver/kube'
import { isWeaverError } from '@weaver/sdk/contract'
import { operatorError } from './errors/catalogue.js'
import type { Broker } from './broker/broker.js'
import { startJwtBroker } from './broker/jwt-broker.js'
import { createSharedAccountBroker } from './broker/shared-account-broker.js'
import { createOperatorClient } from './kube/operator-client.js'
import { createLogger, type Logger } from './log/logger.js'
import { HELP, parseArguments } from './manager/arguments.js'
import { createDeferredBroker } from './manager/deferred-broker.js'
import { ensureBrokerSecret } from './manager/ensure-broker-secret.js'
import { parseEnvironment, type OperatorEnvironment } from './manager/environment.js'
import { startHttpServer } from './manager/http-server.js'
import { startManager, type Manager } from './manager/manager.js'
import { createMetrics } from './manager/metrics.js'
import { closeDrivers, createTrafficDrivers } from './traffic/drivers.js'

/** A stop that takes longer is cut; the chart's grace period is 60 s. */
const STOP_LIMIT_MS = 45_000

async function main(): Promise<number> {
  const command = parseArguments(process.argv.slice(2))
  switch (command.kind) {
    case 'help':
      process.stdout.write(HELP)
      return 0
    case 'version':
      process.stdout.write(`weaver-operator ${await version()}\n`)
      return 0
    case 'mistake':
      process.stderr.write(`weaver-operator: ${command.message}\n`)
      return 2
    case 'keygen': {
      const client = createOperatorClient({ config: await loadKubeconfig({ env: process.env }) })
      const outcome = await ensureBrokerSecret(client, { namespace: command.namespace, name: command.secret })
      process.stdout.write(`Secret "${command.namespace}/${command.secret}" with the broker's keys ${outcome}\n`)
      await client.close()
      return 0
    }
    case 'run':
      return runOperator(parseEnvironment(process.env))
  }
}

async function runOperator(environment: OperatorEnvironment): Promise<number> {
  const log = createLogger({ level: environment.logLevel })
  const metrics = createMetrics()
  const client = createOperatorClient({ config: await loadKubeconfig({ env: process.env }), onCall: metrics.apiCall })
  let manager: Manager | undefined
  const http = await startHttpServer({ ...environment.metrics, metrics: metrics.text, isReady: () => manager?.isReady === true })
  const broker = await openBroker(environment, log)
  const drivers = createTrafficDrivers({
    proxy: {
      kube: client,
      proxyPods: (app) => manager?.proxyPods(app) ?? [],
      child: (namespace, kind, name) => manager?.child(namespace, kind, name),
      image: environment.proxyImage,
      failOpenSeconds: environment.proxyFailOpenSeconds,
      log,
      operatorNamespace: environment.namespace,
    },
  })
  log.info('operator starts', {
    version: await version(),
    namespace: environment.namespace,
    watches: environment.watchNamespaces.length === 0 ? 'all namespaces' : environment.watchNamespaces,
    isolation: broker.isolation,
  })
  const exitCode = await new Promise<number>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        log.info('operator stops', { signal })
        resolve(0)
      })
    manager = startManager({
      client,
      broker,
      drivers,
      log,
      namespace: environment.namespace,
      identity: environment.identity,
      watchNamespaces: environment.watchNamespaces,
      onLeading: metrics.leading,
      onLost: () => resolve(1),
      onRequests: (key, { requests, lostPins }) => {
        metrics.requests(key, requests)
        metrics.lostPins(key, lostPins ?? 0)
      },
      onStatus(key, status) {
        if (status === undefined) return metrics.forget(key)
        metrics.phase(key, status.phase)
        metrics.weights(
          key,
          (status.versions ?? []).map((v) => ({ id: v.id, desired: v.weightDesired, observed: v.weightObserved })),
        )
      },
      onRolloutEnd: metrics.rolloutEnded,
      observer: { onPass: metrics.reconciled, onDepth: metrics.queueDepth, onRestart: metrics.watchRestarted },
    })
  })
  // Another process leads already: whatever this one would still finish might contradict it.
  if (exitCode !== 0) return exitCode
  const limit = setTimeout(() => {
    log.error('the stop took too long and is cut', { limitMs: STOP_LIMIT_MS })
    process.exit(1)
  }, STOP_LIMIT_MS)
  limit.unref()
  await manager?.close()
  await closeDrivers(drivers)
  await broker.close()
  await client.close()
  await http.close()
  return exitCode
}

async function openBroker({ nats, natsServers: servers }: OperatorEnvironment, log: Logger): Promise<Broker> {
  if (nats.mode === 'shared-account') {
    const creds = nats.credsFile === undefined ? undefined : await secretFile(nats.credsFile, 'WEAVER_NATS_CREDS')
    return createSharedAccountBroker({ servers, creds })
  }
  const [operatorSeed, systemCreds] = await Promise.all(
    ['operator.seed', 'system.creds'].map((file) => secretFile(join(nats.authDirectory, file), 'WEAVER_NATS_AUTH_DIR')),
  )
  return createDeferredBroker(
    { isolation: 'account-per-version', servers },
    () => startJwtBroker({ servers, operatorSeed: operatorSeed ?? '', systemCreds: systemCreds ?? '', log }),
    (error) =>
      log.error(
        'the broker refused the connection; versions can neither be made nor removed until the operator is restarted with the right keys',
        { err: error },
      ),
  )
}

async function secretFile(path: string, variable: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw operatorError(
      'WEAVER_OPERATOR_ENVIRONMENT',
      `${variable}: "${path}" cannot be read: ${(cause as Error).message}; mount the Secret that \`weaver-operator keygen\` makes`,
      { cause },
    )
  }
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string } // our own
  return manifest.version
}

try {
  process.exitCode = await main()
  // A lost lease leaves watches open on purpose; nothing of them may run on.
  if (process.exitCode !== 0) process.exit()
} catch (error) {
  process.stderr.write(
    `weaver-operator: ${isWeaverError(error) ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exit(1)
}
