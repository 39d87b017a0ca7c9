import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '@weaver/deployer'
import { WeaverError } from '@weaver/sdk/contract'

export interface NatsServer {
  readonly url: string
  readonly port: number
  /** The process, for faults: kill, freeze. */
  readonly pid: number
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts the real `nats-server` that is on the PATH, on loopback.
 * @throws WeaverError `WEAVER_TEST` when there is none, with what to do.
 */
export async function startNatsServer(
  options: { readonly port?: number; readonly args?: readonly string[]; readonly program?: string } = {},
): Promise<NatsServer> {
  const port = options.port ?? (await freePort())
  const { program = 'nats-server' } = options
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port), ...(options.args ?? [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit').catch(() => undefined)
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new WeaverError('WEAVER_TEST', `${program} was not ready after 60 s:\n${text}`)), 60_000)
    const settle = (outcome: () => void): void => {
      clearTimeout(timer)
      outcome()
    }
    child.on('error', (cause) =>
      settle(() =>
        reject(
          new WeaverError(
            'WEAVER_TEST',
            `the test needs a broker, and "${program}" cannot be started: ${cause.message}. Install it where the PATH finds it (https://github.com/nats-io/nats-server/releases), or give \`natsUrl\` of one that runs.`,
            { cause },
          ),
        ),
      ),
    )
    child.on('exit', (code) => settle(() => reject(new WeaverError('WEAVER_TEST', `${program} ended with ${code}:\n${text}`))))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('Server is ready')) settle(resolve)
    })
  })
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    async stop(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    },
  }
}
