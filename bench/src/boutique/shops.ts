/** The shop in its three shapes: the same business code and the same pages, other processes. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weaver } from '@weaver-examples/boutique'
import { BOOTSTRAP_ENV, MAIN_COMPONENT, type Bootstrap } from '@weaver/sdk/contract'
import { freePort, startNatsServer } from '@weaver/testing'

export interface RunningShop {
  readonly origin: string
  /** Whose CPU time is the shop's: those of the broker too. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

export const SHOPS = { together: startTogether, weaver: startWeaver, http: startHttp } as const
export type ShopKind = keyof typeof SHOPS

const MAIN = fileURLToPath(new URL('../../../examples/boutique/dist/main.js', import.meta.url))
const HTTP_SERVICE = fileURLToPath(new URL('./http-service.js', import.meta.url))
const READY_MS = 60_000

/** All components in one process: `node dist/main.js`. */
async function startTogether(): Promise<RunningShop> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'bench-boutique-'))
  const toml = join(folder, 'weaver.toml')
  writeFileSync(toml, `[serviceweaver]\nname = "boutique"\n[single]\nlisteners.boutique = { address = "127.0.0.1:${port}" }\n`)
  const child = start([MAIN], { WEAVER_CONFIG: toml })
  const stop = async (): Promise<void> => {
    await end([child])
    rmSync(folder, { recursive: true, force: true })
  }
  return ready(port, [child], [], stop)
}

/** Each component in a process of its own, with Weaver's calls over one nats-server. */
async function startWeaver(): Promise<RunningShop> {
  const [port, nats] = [await freePort(), await startNatsServer()]
  const components = [MAIN_COMPONENT, ...weaver.components().map(({ token }) => token.name)]
  const children = components.map((component) => {
    const group = component.replaceAll('/', '-').toLowerCase()
    const bootstrap: Bootstrap = {
      version: 1,
      app: 'boutique',
      deploymentId: 'bench-boutique',
      versionId: '1',
      group,
      replica: `${group}-0`,
      components: [component],
      listeners: component === MAIN_COMPONENT ? { boutique: { address: `127.0.0.1:${port}` } } : {},
      nats: { servers: [nats.url] },
      config: {},
    }
    return start([MAIN], { [BOOTSTRAP_ENV]: JSON.stringify(bootstrap) })
  })
  const stop = async (): Promise<void> => {
    await end(children)
    await nats.stop()
  }
  return ready(port, children, [nats.pid], stop)
}

/** The same processes, each a service behind HTTP and JSON. */
async function startHttp(): Promise<RunningShop> {
  const ports: Record<string, number> = {}
  for (const name of [MAIN_COMPONENT, ...weaver.components().map(({ token }) => token.name)]) ports[name] = await freePort()
  const children = Object.keys(ports).map((name) => start([HTTP_SERVICE, name, JSON.stringify(ports)], {}))
  return ready(ports[MAIN_COMPONENT] ?? 0, children, [], () => end(children))
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, args, {
    env: { ...process.env, NODE_OPTIONS: '', WEAVER_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** Waits for a whole page: every component that it needs has answered. */
async function ready(
  port: number,
  children: readonly ChildProcess[],
  others: readonly number[],
  stop: () => Promise<void>,
): Promise<RunningShop> {
  const origin = `http://127.0.0.1:${port}`
  for (const until = Date.now() + READY_MS; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const isUp = await fetch(`${origin}/product/MUG-02`).then(async (response) => (await response.text()).includes('You may also like'), () => false) // prettier-ignore
    if (isUp) return { origin, pids: [...children.map(({ pid = 0 }) => pid), ...others], stop }
    if (Date.now() > until || children.some(({ exitCode }) => exitCode !== null)) {
      await stop()
      throw new Error('the shop does not come up')
    }
  }
}

async function end(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL') // nothing that it still does is measured
      await exited
    }),
  )
}
