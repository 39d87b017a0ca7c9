/**
 * Proxies as processes on loopback: real HAProxy, each on an address of its own in 127.0.0.0/8, started from the ConfigMap and Secret that the driver wrote, the
 * way a kubelet would mount them. Only mount points and wildcard addresses in the configuration are rewritten.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CONFIG_DIRECTORY, SOCKET_DIRECTORY, TLS_DIRECTORY } from '../traffic/proxy/haproxy-config.js'
import type { ProxyPod } from '../traffic/proxy/proxy-driver.js'

/** Debian puts it outside of an ordinary user's PATH. */
const SEARCH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`

export interface ProxyProcess {
  readonly name: string
  readonly ip: string
  readonly output: () => string
  readonly isRunning: () => boolean
  /** Starts a process anew on the files of the first start, or on given ones; a container restart does not change its pod. */
  restart(options?: { readonly signal?: NodeJS.Signals; readonly files?: Readonly<Record<string, string>> }): Promise<void>
  /** What the kubelet's readiness probe would see. */
  isReady(): Promise<boolean>
  /** As the caches would have it. */
  pod(): Promise<ProxyPod>
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

export interface ProxyFiles {
  /** `data` of the ConfigMap. */
  readonly config: Readonly<Record<string, string>>
  /** Texts of the Secret. */
  readonly tls: Readonly<Record<string, string>>
}

/** @throws Error when HAProxy is not installed. */
export async function checkConfig(files: ProxyFiles): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-proxy-'))
  try {
    await writeFiles(folder, '127.0.0.1', files)
    const { stdout, stderr } = await promisify(execFile)('haproxy', ['-c', '-f', join(folder, 'config/haproxy.cfg')], {
      env: { PATH: SEARCH },
      timeout: 10_000,
    })
    return stdout + stderr
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function startProxyProcess(name: string, ip: string, files: ProxyFiles): Promise<ProxyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-proxy-'))
  await writeFiles(folder, ip, files)
  let output = ''
  let child: ChildProcess
  const start = async () => {
    const own = spawn('haproxy', ['-db', '-f', join(folder, 'config/haproxy.cfg')], {
      env: { PATH: SEARCH },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = own
    let failure: Error | undefined
    own.on('error', (error) => (failure = new Error(`haproxy cannot be started (is it installed?): ${error.message}`)))
    own.stdout.on('data', (d: Buffer) => (output += d.toString()))
    own.stderr.on('data', (d: Buffer) => (output += d.toString()))
    for (let i = 0; i < 1_200; i++) {
      if (failure !== undefined) throw failure
      if (own.exitCode !== null) throw new Error(`haproxy ended with ${own.exitCode}: ${output}`)
      if ((await status(ip, '/live')) === 200) return
      await sleep(50)
    }
    throw new Error(`haproxy on ${ip} did not come up within a minute: ${output}`)
  }
  const stop = async (signal: NodeJS.Signals) => {
    const own = child
    if (own.exitCode !== null || own.signalCode !== null) return
    const ended = new Promise<void>((resolve) => void own.once('exit', () => resolve()))
    own.kill(signal)
    await Promise.race([ended, sleep(15_000, undefined, { ref: false }).then(() => own.kill('SIGKILL'))])
    await ended
  }
  await start()
  return {
    name,
    ip,
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async restart({ signal = 'SIGKILL', files: config } = {}) {
      await stop(signal)
      if (config !== undefined) await writeFiles(folder, ip, { ...files, config })
      await start()
    },
    isReady: async () => (await status(ip, '/ready')) === 200,
    pod: async () => ({ name, uid: `uid-${name}`, ip, ready: (await status(ip, '/ready')) === 200, terminating: false }),
    signal: (signal) => void child.kill(signal),
    async stop() {
      await stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function writeFiles(folder: string, ip: string, { config, tls }: ProxyFiles): Promise<void> {
  for (const part of ['config', 'tls', 'run']) await mkdir(join(folder, part), { recursive: true })
  for (const [name, text] of Object.entries(config)) {
    const own = text
      .replaceAll(CONFIG_DIRECTORY, join(folder, 'config'))
      .replaceAll(TLS_DIRECTORY, join(folder, 'tls'))
      .replaceAll(SOCKET_DIRECTORY, join(folder, 'run'))
      .replaceAll('bind :', `bind ${ip}:`)
    await writeFile(join(folder, 'config', name), name === 'haproxy.cfg' ? own : text)
  }
  for (const name of ['ca.pem', 'server.pem']) await writeFile(join(folder, 'tls', name), tls[name] ?? '')
}

function status(ip: string, path: string): Promise<number> {
  return new Promise((resolve) => {
    const request = get({ host: ip, port: 8404, path, agent: false, timeout: 1_000 }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(0))
  })
}
