/** Answers the deployer's requests over the broker (contract/control.ts). */
import { randomUUID } from 'node:crypto'
import { splitControlReply } from '../../contract/control-parts.js'
import type { ControlReply, ControlRequest } from '../../contract/control.js'
import { reasonOf } from '../../contract/errors.js'
import { controlAllSubject, controlSubject } from '../../contract/subjects.js'
import type { Transport } from '../../rpc/transport/transport.js'
import { LOG_LEVELS } from '../../contract/logs.js'
import type { Logger, LogSink } from '../../telemetry/logger.js'
import { processMetrics } from '../../telemetry/metrics.js'
import { MAX_PROFILE_SECONDS, takeProfile } from '../../telemetry/profiler.js'
import type { Deployment } from '../../context/deployment.js'

export interface ControlTarget {
  readonly deployment: Deployment
  readonly logSink: LogSink
  readonly log: Logger
  status(): Promise<ControlReply>
  /** Asks clients that would stay to leave. */
  goodbye(): void
  routing(): ControlReply
}

/** Subscribes to requests to all weavelets, and to those to this one. */
export function answerControl(transport: Transport, to: ControlTarget): void {
  const { deploymentId, replica } = to.deployment
  for (const subject of [controlAllSubject(deploymentId), controlSubject(deploymentId, replica)])
    transport.subscribe(subject, ({ data, reply }) => {
      if (reply === undefined) return
      void (async () => {
        const result = await answerControlRequest(data, to)
        for (const message of splitControlReply(result, randomUUID(), transport.maxPayloadBytes)) transport.publish(reply, message)
      })().catch((error: unknown) => to.log.warn('the deployer could not be answered', { err: error }))
    })
}

/**
 * The reply to one request, whatever transport it came by. Never rejects because of the request.
 */
export async function answerControlRequest(data: Uint8Array, to: ControlTarget): Promise<ControlReply> {
  const request = parseRequest(data)
  return request === undefined ? refusal('the request is not a JSON object') : answer(request, to)
}

async function answer(request: ControlRequest, to: ControlTarget): Promise<ControlReply> {
  const { replica, group, versionId } = to.deployment
  switch (request.kind) {
    case 'status':
      if (request.goodbye === true) to.goodbye()
      return to.status()
    case 'logLevel':
      if (!LOG_LEVELS.includes(request.level)) return refusal(`"${String(request.level)}" is not a log level; use ${LOG_LEVELS.join(', ')}`)
      to.logSink.level = request.level
      return { kind: 'ok' }
    case 'profile':
      if (request.type !== 'cpu' && request.type !== 'heap')
        return refusal(`"${String(request.type)}" is not a kind of profile; use cpu or heap`)
      if (!(request.seconds >= 0.1 && request.seconds <= MAX_PROFILE_SECONDS))
        return refusal(`a profile takes 0.1 to ${MAX_PROFILE_SECONDS} seconds, not ${String(request.seconds)}`)
      try {
        return { kind: 'profile', replica, group, ...(await takeProfile(request.type, request.seconds)) }
      } catch (error) {
        return refusal(`no profile of "${replica}": ${reasonOf(error)}`)
      }
    case 'metrics':
      return { kind: 'metrics', replica, group, versionId, families: processMetrics.collect() }
    case 'routing':
      return to.routing()
    default:
      return refusal('unknown request')
  }
}

function refusal(message: string): ControlReply {
  return { kind: 'error', code: 'WEAVER_CONTROL_INVALID', message }
}

/** `undefined` for bytes that are not a JSON object; `answer` rejects unknown kinds. */
function parseRequest(data: Uint8Array): ControlRequest | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? (parsed as ControlRequest) : undefined
  } catch {
    return undefined
  }
}
