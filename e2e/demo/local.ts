// `make demo-local`: a rollout on this machine alone. scripts/demo-local.sh has built all; this
// deploys v1 by `weaver gke-local`, sends load, deploys v2 and ends with a verdict. Exit code 0
// only when no request failed, no answer was mixed, and users saw the split that was planned.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from '../support/paths.js'
import { weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'

const ROLLOUT = '30s'
const RATE = 250
/**
 * Answers of one step that tell its split within two points. A busy machine sends less than was
 * asked.
 */
const MEASURABLE = 200
/** Once all is built, starts take seconds; a busy machine takes its time. */
const WAIT_MS = 300_000
const LOAD = 'http://127.0.0.1:9900'

/** What this demo reads of `weaver gke-local status --json`. */
interface App {
  readonly versions: readonly { readonly deploymentId: string; readonly status: string }[]
  readonly traffic: readonly { readonly deploymentId: string; readonly fraction: number }[]
  readonly rollout: {
    readonly history: readonly { readonly at: string; readonly kind: string; readonly version: string; readonly message: string }[]
  }
}

/** What it reads of what load/load.mjs reports. */
interface Report {
  readonly sent: number
  readonly ok: number
  readonly failed: number
  readonly mixed: number
  readonly perSecond: number
  readonly byRelease: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly failures: readonly unknown[]
  readonly seconds: readonly { readonly at: number; readonly ok: number; readonly byRelease: Readonly<Record<string, number>> }[]
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const pass = (text: string): void => void process.stderr.write(text.replace(/^/gm, '    ').replace(/ +$/, ''))
const cell = (value: unknown, width: number): string => String(value).padStart(width)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
  server.close()
  return port
}

async function main(state: string): Promise<boolean> {
  const env = { ...process.env, XDG_STATE_HOME: state }
  const run = (args: readonly string[], quiet = false) => weaver(['gke-local', ...args], { env, ...(quiet ? {} : { onOutput: pass }) })
  const look = async (): Promise<App> => (JSON.parse((await run(['status', 'httpserver', '--json'], true)).stdout) as [App])[0]
  const [v1, v2] = [await release('v1'), await release('v2')]
  const port = await freePort()

  say('\n==> weaver gke-local deploy weaver.toml (v1)')
  await run(['deploy', `${v1}/weaver.toml`, '--port', String(port), '--detach'])

  say(`\n==> load: ${RATE} requests/s, half of them keep-alive`)
  const load = spawn(process.execPath, [fileURLToPath(new URL('e2e/load/load.mjs', repositoryRoot)), `http://localhost:${port}`, String(RATE)], { stdio: 'inherit' }) // prettier-ignore
  try {
    const report = async (path = '/stats'): Promise<Report> => (await (await fetch(`${LOAD}${path}`)).json()) as Report // what load.mjs answers
    await eventually('the first answers', async () => ((await report().catch(() => undefined))?.ok ?? 0) > RATE)
    await report('/reset')

    say(`\n==> weaver gke-local deploy weaver.toml (v2, rollout ${ROLLOUT}), under load`)
    const started = Date.now()
    await run(['deploy', `${v2}/weaver.toml`, '--detach'])
    const id = (await look()).versions.at(-1)?.deploymentId ?? ''
    say(
      `${cell('time', 7)} ${cell('status', 12)} ${cell('planned', 8)} ${cell('v1 req', 8)} ${cell('v2 req', 8)} ${cell('failed', 7)} ${cell('mixed', 6)}`,
    )
    const over = await eventually('v2 alone', async () => {
      const [app, counts] = [await look(), await report()]
      const version = app.versions.find(({ deploymentId }) => deploymentId === id)
      const planned = app.traffic.reduce((sum, one) => sum + (one.deploymentId === id ? one.fraction : 0), 0)
      const time = `${((Date.now() - started) / 1_000).toFixed(1)}s`
      const { byRelease, failed, mixed } = counts
      say(`${cell(time, 7)} ${cell(version?.status, 12)} ${cell(`${Math.round(planned * 100)} %`, 8)} ${cell(byRelease['v1'] ?? 0, 8)} ${cell(byRelease['v2'] ?? 0, 8)} ${cell(failed, 7)} ${cell(mixed, 6)}`) // prettier-ignore
      await delay(1_500)
      return version?.status === 'ACTIVE' && app.versions.length === 1 ? app : undefined
    })
    const counts = await report('/stop')
    say('\n==> weaver gke-local status')
    await run(['status'])
    return verdict(counts, over, id)
  } finally {
    load.kill()
    await run(['purge', '--yes'])
  }

  async function release(name: string): Promise<string> {
    const folder = await makeRelease({ release: name, rollout: ROLLOUT })
    // The load has no host of its own to ask for.
    const file = `${folder}/weaver.toml`
    await writeFile(file, (await readFile(file, 'utf8')).replace('"hello.com"', '"localhost"'))
    return folder
  }
}

function verdict(report: Report, { rollout: { history } }: App, id: string): boolean {
  const moves = history.filter(({ kind, version }) => version === id && ['StepStarted', 'Promoted'].includes(kind))
  say('split that users saw, per step:')
  let offBy = 0
  let steps = 0
  moves.forEach(({ at, kind, message }, i) => {
    const end = Date.parse(moves[i + 1]?.at ?? '')
    if (kind !== 'StepStarted') return
    const planned = Number(/(\d+) %/.exec(message)?.[1])
    // Seconds in which nothing but this step was in force.
    const within = report.seconds.filter((second) => second.at > Date.parse(at) + 200 && second.at + 1_100 < end)
    const of = within.reduce((sum, { ok }) => sum + ok, 0)
    const measured = (100 * within.reduce((sum, { byRelease }) => sum + (byRelease['v2'] ?? 0), 0)) / of
    if (of >= MEASURABLE) steps++
    offBy = Math.max(offBy, of >= MEASURABLE ? Math.abs(measured - planned) : 0)
    say(`  planned ${cell(planned, 3)} %   measured ${measured.toFixed(1).padStart(5)} %   of ${of} requests`)
  })
  for (const failure of report.failures.slice(0, 5)) say(`  failed: ${JSON.stringify(failure)}`)
  const { sent, ok, failed, mixed, byRelease, perSecond, latencyMs } = report
  const good =
    failed === 0 && mixed === 0 && sent === ok && (byRelease['v1'] ?? 0) > 0 && (byRelease['v2'] ?? 0) > 0 && steps === 5 && offBy <= 2
  say(
    `\n${good ? 'PASS' : 'FAIL'}: v1 -> v2 under load: ${sent} requests, ${failed} failed, ${mixed} mixed; v1 answered ${byRelease['v1'] ?? 0}, v2 answered ${byRelease['v2'] ?? 0}; ` +
      `${perSecond.toFixed(0)} sent in a second, p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms; split off by at most ${offBy.toFixed(1)} points in ${steps} of 5 steps`,
  )
  return good
}

async function eventually<T>(what: string, look: () => Promise<T | false | undefined>): Promise<T> {
  for (const limit = Date.now() + WAIT_MS; Date.now() < limit; await delay(100)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`gave up waiting for ${what}`)
}

const state = await mkdtemp(join(tmpdir(), 'weaver-demo-'))
try {
  process.exitCode = (await main(state)) ? 0 : 1
} catch (error) {
  say(`\nFAIL: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await rm(state, { recursive: true, force: true })
}
