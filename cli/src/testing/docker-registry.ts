import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TestRegistry {
  /** `127.0.0.1:port` */
  readonly host: string
  stop(): Promise<void>
}

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

/**
 * Starts the real `docker-registry` (the Debian package of that name) on loopback.
 * @param htpasswd content of a htpasswd file with bcrypt hashes; with it the registry wants Basic credentials
 * @throws Error when there is none, with what to do
 */
export async function startRegistry(options: { readonly htpasswd?: string } = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-registry-'))
  const port = await freePort()
  const auth = options.htpasswd === undefined ? '' : `auth:\n  htpasswd:\n    realm: test\n    path: ${folder}/htpasswd\n`
  await writeFile(join(folder, 'htpasswd'), options.htpasswd ?? '')
  await writeFile(
    join(folder, 'config.yml'),
    `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/data\nhttp:\n  addr: 127.0.0.1:${port}\n${auth}`,
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
  const deadline = Date.now() + 15_000
  for (;;) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}:\n${text}`)
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined)
    if (answer !== undefined) break
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
