/**
 * The deployers of the command `weaver` as the conformance suite sees them, each as its user runs
 * it.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJsonLine, type LogEntry } from '@weaver/sdk/contract'
import { freePort, type DeployedProbe, type DeployerUnderTest, type ProbeOptions } from '@weaver/testing'

export interface CommandsOptions {
  /** For what is written; it is there when something is deployed first. */
  readonly folder: string
  /** The built application. */
  readonly entry: string
  /** The command. */
  readonly weaver: string
  readonly env: NodeJS.ProcessEnv
}

export interface CommandsUnderTest {
  /** `node dist/main.js`, which is not a deployer. */
  readonly none: DeployerUnderTest
  readonly single: DeployerUnderTest
  readonly multi: DeployerUnderTest
  readonly gkeLocal: DeployerUnderTest
  /** On machines that ssh reaches by these names. */
  ssh(locations: readonly string[]): DeployerUnderTest
  /** Ends what outlives its commands. */
  close(): Promise<void>
}

/** A busy machine takes its time. */
const READY_MS = 240_000
const ALL: DeployerUnderTest['can'] = ['main', 'processes', 'colocate', 'replicas', 'restart', 'logs']

/** @param options asked when something is deployed first */
export function commandsUnderTest(options: () => CommandsOptions): CommandsUnderTest {
  const env = (): NodeJS.ProcessEnv => ({
    ...options().env,
    NODE_OPTIONS: '',
    NO_COLOR: '1',
    XDG_STATE_HOME: join(options().folder, 'state'),
  })
  /** The path of a weaver.toml for an application of its own. */
  const write = (
    { config = {}, colocate = [] }: ProbeOptions,
    section: (app: string) => string,
  ): { readonly app: string; readonly toml: string } => {
    const { folder, entry } = options()
    const app = `probe-${randomUUID().slice(0, 8)}`
    const toml = join(folder, `${app}.toml`)
    const application = `[serviceweaver]\nname = "${app}"\nbinary = ${JSON.stringify(entry)}\ncolocate = ${JSON.stringify(colocate)}\n`
    writeFileSync(toml, `${application}${sectionsOf(config)}\n${section(app)}\n`)
    return { app, toml }
  }
  const weaver = (...args: readonly string[]): Promise<Ended> => run([options().weaver, ...args], env())
  const logsOf = (deployer: string, app: string) => async (): Promise<readonly LogEntry[]> => {
    const { code, stdout, stderr } = await weaver(deployer, 'logs', app, '--json')
    if (code !== 0) throw new Error(stderr)
    return stdout.split('\n').flatMap((line) => parseJsonLine(line) ?? [])
  }
  /** One process, which is told by a weaver.toml. */
  const oneProcess = (can: DeployerUnderTest['can'], command: (toml: string) => readonly string[]): DeployerUnderTest => ({
    can,
    async deploy(probe) {
      const port = await freePort()
      const { app, toml } = write(probe, () => `[single]\nlisteners.probe = { address = "localhost:${port}" }`)
      const address = /listening +address=(\S+) listener=probe/
      return { ...(await untilAddress(command(toml), { env: { ...env(), WEAVER_CONFIG: toml }, address })), logs: logsOf('single', app) }
    },
  })
  /** Processes as long as the command runs. Main has one, as the suite has it. */
  const manyProcesses = (deployer: 'multi' | 'ssh', settings = ''): DeployerUnderTest => ({
    can: ALL,
    async deploy(probe) {
      const replicas = `replicas = ${probe.replicas ?? 1}\n[[${deployer}.groups]]\nname = "main"\ncomponents = ["weaver/Main"]\nreplicas = 1`
      const { app, toml } = write(probe, () => `[${deployer}]\n${settings}${replicas}`)
      const address = /listener probe: http:\/\/(\S+)/
      const args = [options().weaver, deployer, 'deploy', toml]
      return { ...(await untilAddress(args, { env: env(), address })), logs: logsOf(deployer, app) }
    },
  })
  let gkePort: Promise<number> | undefined
  const gkeLocal: DeployerUnderTest = {
    can: ALL,
    async deploy(probe) {
      gkePort ??= freePort()
      const host = (app: string): string => `${app}.example`
      // What cannot start is tried again until the deadline, which a busy machine must not miss.
      const { app, toml } = write(
        probe,
        (name) =>
          `[gke]\nreplicas = ${probe.replicas ?? 1}\nprogress_deadline = "${READY_MS / 1_000}s"\nlisteners.probe = { public_hostname = "${host(name)}" }`,
      )
      const args = [options().weaver, 'gke-local', 'deploy', toml, '--detach', '--port', String(await gkePort)]
      const { code, stdout, stderr } = await run(args, env(), /^warning: .*last words: .*$/m)
      const kill = (): Promise<Ended> => weaver('gke-local', 'kill', app, '--yes')
      if (code !== 0) {
        if (code === null) await kill()
        throw new Error(stdout + stderr)
      }
      const address = /curl --header '.*' (http:\S+)/.exec(stderr)?.[1]
      if (address === undefined) throw new Error(`it does not say where it is: ${stderr}`)
      let stopped: Promise<string | undefined> | undefined
      return {
        url: address,
        host: host(app),
        logs: logsOf('gke-local', app),
        stop: () => (stopped ??= kill().then((ended) => (ended.code === 0 ? undefined : ended.stderr))),
      }
    },
  }
  return {
    none: oneProcess(['main'], () => [options().entry]),
    single: oneProcess(['main', 'logs'], (toml) => [options().weaver, 'single', 'deploy', toml]),
    multi: manyProcesses('multi'),
    gkeLocal,
    ssh: (locations) => manyProcesses('ssh', `locations = ${JSON.stringify(locations)}\n`),
    async close() {
      if (gkePort === undefined) return
      const { code, stderr } = await weaver('gke-local', 'purge', '--yes')
      if (code !== 0) throw new Error(stderr)
    },
  }
}

/** The sections of components, as TOML. */
function sectionsOf(config: NonNullable<ProbeOptions['config']>): string {
  return Object.entries(config)
    .map(([component, section]) =>
      [`["${component}"]`, ...Object.entries(section).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)].join('\n'),
    )
    .join('\n')
}

interface Ended {
  /** `null`: it was ended, having said enough. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program of Node to its end, or until it has said on stderr what is waited for. */
function run(args: readonly string[], env: NodeJS.ProcessEnv, enough?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (enough?.test(stderr) === true) child.kill('SIGKILL')
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** Runs the application by a command until SIGTERM. Resolves when that says where the listener is. */
async function untilAddress(
  args: readonly string[],
  { env, address }: { readonly env: NodeJS.ProcessEnv; readonly address: RegExp },
): Promise<DeployedProbe> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        const at = address.exec(text)?.[1]
        if (at !== undefined) resolve(`http://${at}`)
      })
    child.on('close', (code) => reject(new Error(`it ended with ${code}: ${text}`)))
    setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`it was not ready after ${READY_MS} ms: ${text}`))
    }, READY_MS).unref()
  })
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await closed
      return child.exitCode === 0 ? undefined : `it ended with ${child.exitCode ?? child.signalCode}: ${text}`
    },
  }
}
