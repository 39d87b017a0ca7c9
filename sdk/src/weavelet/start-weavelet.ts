import { inboxPrefix } from '../contract/subjects.js'
import { checkOneCopy } from '../context/sdk-copies.js'
import { connectNats } from '../rpc/transport/connect-nats.js'
import type { Transport } from '../rpc/transport/transport.js'
import { createLogger, type Logger } from '../telemetry/logger.js'
import { loadTracing } from '../telemetry/tracing/load-tracing.js'
import { createParts } from './weavelet-parts.js'
import type { WeaveletOptions } from './weavelet-options.js'
import { Weavelet } from './weavelet.js'

/** Starts a weavelet; resolves when its components have started and `main()` is running. */
export async function startWeavelet(options: WeaveletOptions): Promise<Weavelet> {
  checkOneCopy()
  const { app, versionId: version, deploymentId, group, replica, isSingle } = options.deployment
  const log = createLogger(options.logSink, isSingle ? {} : { app, version, deploymentId, group, replica })
  const transport = await connect(options, log)
  try {
    const tracing = await loadTracing(options.tracing)
    const weavelet = new Weavelet(options, createParts(options, { log, transport, tracing }))
    await weavelet.start()
    return weavelet
  } catch (error) {
    await options.logShipper?.stop()
    await transport?.close()
    throw error
  }
}

/** @returns `undefined` if everything runs in this process */
async function connect(options: WeaveletOptions, log: Logger): Promise<Transport | undefined> {
  const { bootstrap, signal } = options
  const { deploymentId, group, replica } = options.deployment
  const nats = bootstrap?.nats
  if (nats === undefined) return undefined
  const transport = await connectNats({
    servers: nats.servers,
    ...(nats.credsFile === undefined ? {} : { credsFile: nats.credsFile }),
    tls: nats.tls,
    name: replica,
    inboxPrefix: inboxPrefix(deploymentId, group, replica),
    log,
    ...(signal === undefined ? {} : { signal }),
  })
  options.logShipper?.start(transport)
  void transport.lost.then(options.onFailed)
  return transport
}
