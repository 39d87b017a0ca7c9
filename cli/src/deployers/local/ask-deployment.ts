import type Http from 'node:http'
import { createRequire } from 'node:module'
import { CONTROL_PATH } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
import type { RunningDeployment } from './running-deployments.js'

const TIMEOUT_MS = 10_000

export interface SocketAsk {
  readonly request: { readonly kind: string }
  /** Kind of the answer, or the kinds that it may have. */
  readonly expect: string | readonly string[]
  /** @default 10000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Asks on the control socket of a deployment.
 * @returns an answer of the kind that is expected
 * @throws WeaverError `WEAVER_CLI_UNREACHABLE`: no answer, or a refusal. Rejects with `signal.reason` when aborted.
 */
export async function askDeployment(
  { app, pid, controlSocket }: Pick<RunningDeployment, 'app' | 'pid' | 'controlSocket'>,
  ask: SocketAsk,
): Promise<{ readonly kind: string }> {
  const { signal, timeoutMs = TIMEOUT_MS } = ask
  const unreachable = (why: string, cause?: unknown): unknown =>
    cliError('WEAVER_CLI_UNREACHABLE', `"${app}" (process ${pid}) ${why}`, cause === undefined ? {} : { cause })
  const limit = AbortSignal.timeout(timeoutMs)
  let text: string
  try {
    text = await post(controlSocket, JSON.stringify(ask.request), signal === undefined ? limit : AbortSignal.any([signal, limit]))
  } catch (cause) {
    signal?.throwIfAborted()
    const why = limit.aborted ? `${timeoutMs / 1_000} s` : (cause as Error).message // of node:http, an Error
    throw unreachable(`does not answer (${why}); it may still be starting, or run with an older SDK`, cause)
  }
  const reply = JSON.parse(text) as { readonly kind: string; readonly message?: string } // the answer of a control server of ours
  if (reply.kind === 'error') throw unreachable(`refuses: ${reply.message}`)
  if (![ask.expect].flat().includes(reply.kind)) throw unreachable(`answers "${reply.kind}"; use a command and an SDK of the same release`)
  return reply
}

/** An `import` of node:http evaluates all that it exports, and so loads the HTTP client behind `WebSocket`: 80 ms. */
const { request } = createRequire(import.meta.url)('node:http') as typeof Http

function post(socketPath: string, body: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: CONTROL_PATH, method: 'POST', signal, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('error', reject)
        .on('end', () =>
          response.statusCode === 200
            ? resolve(Buffer.concat(chunks).toString('utf8'))
            : reject(new Error(`status ${response.statusCode ?? 0}`)),
        )
    })
    asked.on('error', reject).end(body)
  })
}
