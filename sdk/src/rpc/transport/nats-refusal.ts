/** Explains why a broker rejects this process, and the remedy. */
import { readFileSync } from 'node:fs'
import { errors } from '@nats-io/transport-node'
import { WeaverError } from '../../contract/errors.js'

/** How long a refusal counts as transient: servers learn of new accounts from each other. */
const REFUSED_MS = 20_000
/**
 * The longest line of a NATS server's protocol by default (`max_control_line`). CONNECT is one, and
 * contains the user's JWT.
 */
const CONTROL_LINE_BYTES = 4_096
/** Size of CONNECT besides JWT and name: options, versions, the signature. */
const CONNECT_BYTES = 330

/** The connection's options, as in NatsTransportOptions. */
interface Dialled {
  readonly credsFile?: string
  readonly name: string
  readonly connectTimeoutMs?: number
}

/** The final error, if the broker was reached and a retry cannot help. */
export function refusalOf(
  options: Dialled,
  { cause, afterMs, at }: { readonly cause: unknown; readonly afterMs: number; readonly at: string },
): WeaverError | undefined {
  const bytes = connectBytes(options)
  // The server says why and closes; the library does not pass that on.
  if (cause instanceof errors.TimeoutError && bytes > CONTROL_LINE_BYTES)
    return new WeaverError(
      'WEAVER_NATS_REFUSED',
      `NATS at ${at} does not take the credentials in ${options.credsFile}: with them CONNECT has about ${bytes} bytes, and a NATS server closes the connection on a line of more than ${CONTROL_LINE_BYTES}. Issue users of a scoped signing key, whose permissions stand in the account (the operator of this release does), or raise max_control_line of the servers.`,
      { cause },
    )
  if (
    options.credsFile === undefined ||
    !(cause instanceof errors.AuthorizationError) ||
    afterMs < Math.min(REFUSED_MS, options.connectTimeoutMs ?? REFUSED_MS)
  )
    return undefined
  return new WeaverError(
    'WEAVER_NATS_REFUSED',
    `NATS at ${at} has refused this process for ${Math.round(afterMs / 1_000)} s: ${String(cause)}. It runs, so look at the credentials in ${options.credsFile}: is their account known to these servers, and was it not closed?`,
    { cause },
  )
}

/** Approximate size of CONNECT; 0 without credentials, or if they cannot be read. */
function connectBytes({ credsFile, name }: Dialled): number {
  if (credsFile === undefined) return 0
  try {
    const jwt = /-+BEGIN NATS USER JWT-+\s*(\S+)/.exec(readFileSync(credsFile, 'utf8'))?.[1] ?? ''
    return CONNECT_BYTES + jwt.length + name.length
  } catch {
    return 0 // reported by the attempt to connect
  }
}
