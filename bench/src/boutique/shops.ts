/** The shop in its three shapes: the same business code and the same pages, other processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weaver } from '@weaver-examples/boutique'
import { startEnvelope, type Envelope } from '@weaver/deployer'
import { MAIN_COMPONENT, type Bootstrap } from '@weaver/sdk/contract'
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
  const envelope = start('boutique', [MAIN], { env: { WEAVER_CONFIG: toml } })
  const stop = async (): Promise<void> => {
    await end([envelope])
    rmSync(folder, { recursive: true, force: true })
  }
  return ready(port, [envelope], [], stop)
}

/** Each component in a process of its own, with Weaver's calls over one nats-server. */
async function startWeaver(): Promise<RunningShop> {
  const [port, nats] = [await freePort(), await startNatsServer()]
  const components = [MAIN_COMPONENT, ...weaver.components().map(({ token }) => token.name)]
  const envelopes = components.map((component) => {
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
    return start(bootstrap.replica, [MAIN], { bootstrap })
  })
  const stop = async (): Promise<void> => {
    await end(envelopes)
    await nats.stop()
  }
  return ready(port, envelopes, [nats.pid], stop)
}

/** The same processes, each a service behind HTTP and JSON. */
async function startHttp(): Promise<RunningShop> {
  const ports: Record<string, number> = {}
  for (const name of [MAIN_COMPONENT, ...weaver.components().map(({ token }) => token.name)]) ports[name] = await freePort()
  const envelopes = Object.keys(ports).map((name) => start(name, [HTTP_SERVICE, name, JSON.stringify(ports)]))
  return ready(ports[MAIN_COMPONENT] ?? 0, envelopes, [], () => end(envelopes))
}

function start(
  name: string,
  args: readonly string[],
  { bootstrap, env }: { readonly bootstrap?: Bootstrap; readonly env?: Readonly<Record<string, string>> } = {},
): Envelope {
  return startEnvelope({
    name,
    command: { file: process.execPath, args, env: { ...process.env, NODE_OPTIONS: '', WEAVER_LOG_LEVEL: 'error', ...env } },
    ...(bootstrap === undefined ? {} : { bootstrap }),
    output: { chunk: (chunk) => void process.stderr.write(chunk) },
  })
}

/** Waits for a whole page: every component that it needs has answered. */
async function ready(
  port: number,
  envelopes: readonly Envelope[],
  others: readonly number[],
  stop: () => Promise<void>,
): Promise<RunningShop> {
  const origin = `http://127.0.0.1:${port}`
  for (const until = Date.now() + READY_MS; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const isUp = await fetch(`${origin}/product/MUG-02`).then(async (response) => (await response.text()).includes('You may also like'), () => false) // prettier-ignore
    if (isUp) return { origin, pids: [...envelopes.map(({ pid = 0 }) => pid), ...others], stop }
    if (Date.now() > until || envelopes.some(({ state }) => state.kind === 'ended')) {
      await stop()
      throw new Error('the shop does not come up')
    }
  }
}

async function end(envelopes: readonly Envelope[]): Promise<void> {
  // Nothing that they still do is measured.
  await Promise.all(envelopes.map((envelope) => (envelope.kill('SIGKILL'), envelope.ended)))
}
