import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TestRegistry {
  /** `127.0.0.1:port` */
  readonly host: string
  stop(): Promise<void>
}

/** A currently free port of the loopback interface. @param wanted rejects if this one is taken */
export async function freePort(wanted = 0): Promise<number> {
  const probe = createServer()
  probe.listen(wanted, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { readonly port: number } // a TCP server that listens has one
  probe.close()
  await once(probe, 'close')
  return port
}

export interface RegistryOptions {
  /**
   * Content of an htpasswd file with bcrypt hashes; makes the registry require Basic credentials.
   */
  readonly htpasswd?: string
  /** @default any free port */
  readonly port?: number
  /** PEM files; makes it serve HTTPS. */
  readonly tls?: { readonly certificate: string; readonly key: string }
}

/** For the user `ann` with the password `secret`. */
export const HTPASSWD = 'ann:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n'

/**
 * Starts the real `docker-registry` (the Debian package of that name) on loopback.
 * @throws Error if it is not installed, with the remedy
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-registry-'))
  const port = options.port ?? (await freePort())
  const auth = options.htpasswd === undefined ? '' : `auth:\n  htpasswd:\n    realm: test\n    path: ${folder}/htpasswd\n`
  const tls = options.tls === undefined ? '' : `  tls:\n    certificate: ${options.tls.certificate}\n    key: ${options.tls.key}\n`
  await writeFile(join(folder, 'htpasswd'), options.htpasswd ?? '')
  await writeFile(
    join(folder, 'config.yml'),
    `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/data\nhttp:\n  addr: 127.0.0.1:${port}\n${tls}${auth}`,
  )
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  let failure: Error | undefined
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  child.on(
    'error',
    (cause) => (failure = new Error('docker-registry cannot be started; install the Debian package docker-registry', { cause })),
  )
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const host = `127.0.0.1:${port}`
  const deadline = Date.now() + 90_000
  for (;;) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}:\n${text}`)
    if (await answers(port)) break
    if (Date.now() > deadline) throw new Error(`docker-registry did not answer within 15 s:\n${text}`)
    await sleep(50)
  }
  return {
    host,
    async stop() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Whether something listens there; not by fetch, which refuses some ports. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}
