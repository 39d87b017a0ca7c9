/**
 * A nats-server that a deployer runs beside its weavelets, as long as the deployer lives.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { deployerError } from '../errors/catalogue.js'
import { deathText } from '../envelope/death.js'
import { startEnvelope, type Envelope, type EnvelopeOptions } from '../envelope/envelope.js'
import { LIFELINE_FD, type ProcessCommand } from '../envelope/weavelet-process.js'

/** A port of the loopback interface that is free at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { readonly port: number } // a TCP server that listens has one
  probe.close()
  await once(probe, 'close')
  return port
}

/** What nats-server says when it takes connections. */
const READY = 'Server is ready'
/** After the end of the deployer, weavelets need the broker until they have drained. */
const LINGER_S = 30
/**
 * nats-server knows no lifeline: a shell waits for the end of it, and its process becomes the
 * server.
 */
const WITH_LIFELINE = `(
  read -r _ <&${LIFELINE_FD}
  for _ in $(seq ${LINGER_S}); do kill -0 $$ || exit; sleep 1; done
  kill $$
) </dev/null >/dev/null 2>&1 &
exec "$0" "$@" ${LIFELINE_FD}<&-`
const STOP_MS = 5_000
const START_MS = 30_000

/** @param program path of the executable, on the machine where it runs */
export function natsServerCommand(program: string, args: readonly string[], env: ProcessCommand['env']): ProcessCommand {
  const own = { env, hasOwnGroup: true } as const
  return process.platform === 'win32'
    ? { ...own, file: program, args }
    : { ...own, file: '/bin/sh', args: ['-c', WITH_LIFELINE, program, ...args], hasLifeline: true }
}

/**
 * Starts it, and again when it dies: at the same port, where its clients look for it.
 * @returns when it takes connections
 * @throws WeaverError `WEAVER_NATS_SERVER_FAILED` with what it said last
 */
export async function startNatsServer(
  command: ProcessCommand,
  { onEvent, startProcess }: Pick<EnvelopeOptions, 'onEvent' | 'startProcess'> = {},
): Promise<Envelope> {
  let onReady = (): void => undefined
  let onDied = (_why: string): void => undefined
  const ready = new Promise<'ready'>((resolve) => (onReady = () => resolve('ready')))
  const died = new Promise<string>((resolve) => (onDied = resolve))
  const server = startEnvelope({
    name: 'nats-server',
    command,
    restart: { kind: 'restart' },
    graceMs: STOP_MS,
    identity: {},
    ...(startProcess === undefined ? {} : { startProcess }),
    output: {
      entry({ message }) {
        if (message.includes(READY)) onReady()
      },
    },
    onEvent(event) {
      if (event.kind === 'died') onDied(deathText(event.death))
      onEvent?.(event)
    },
  })
  const over = new AbortController()
  const late = sleep(START_MS, `does not take connections after ${START_MS / 1_000} s`, { signal: over.signal })
  late.catch(() => undefined) // aborted
  const outcome = await Promise.race([ready, died, late])
  over.abort()
  if (outcome === 'ready') return server
  await server.stop()
  throw deployerError('WEAVER_NATS_SERVER_FAILED', `nats-server ${outcome}`)
}
