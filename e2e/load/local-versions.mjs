// `weaver gke-local` under load over five versions, two regions and two applications: v1 -> v2 -> v3
// to the end, the second application beside the last of them, then v4 and, half way, v5: three
// versions at once. Prints the counts. No request may fail, no answer may come from two versions,
// and in every step of a rollout users see the split that was planned within two points.
//
//   node e2e/load/local-versions.mjs [requests/s, default 500] [rollout, default 30s]
//
// after `npm run build`; needs a nats-server.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const [RATE, ROLLOUT] = [Number(process.argv[2] ?? 500), process.argv[3] ?? '30s']
const REGIONS = ['us-west1', 'us-east1']
const TICK_MS = 20
/** Answers of one step that tell its split within two points. */
const MEASURABLE = 200
const WAIT_MS = 600_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'weaver-versions-'))
const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state') }
for (const app of ['one', 'two'])
  writeFileSync(
    join(folder, `${app}.toml`),
    [
      `[serviceweaver]\nname = "${app}"\nbinary = ${JSON.stringify(join(ROOT, 'examples/httpserver/dist/main.js'))}\nrollout = "${ROLLOUT}"`,
      `[gke]\nregions = ${JSON.stringify(REGIONS)}\nreplicas = 1\nprogress_deadline = "5m"\nlisteners.lis = { public_hostname = "${app}.example" }\n`,
    ].join('\n'),
  )

async function weaver(...args) {
  const child = spawn(process.execPath, [join(ROOT, 'cli/bin/weaver.js'), 'gke-local', ...args], { env, cwd: folder })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`weaver gke-local ${args.join(' ')}: ${stderr}`)
  return stdout
}
/** @returns the version, as answers have it */
const deploy = async (app, ...more) => /version ([0-9a-f]{8})/.exec(await weaver('deploy', `${app}.toml`, '--detach', ...more))?.[1] ?? ''
const view = async (app) => JSON.parse(await weaver('status', app, '--json'))[0]
async function until(what, look) {
  const limit = Date.now() + WAIT_MS
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > limit) throw new Error(`gave up waiting for ${what}`)
    await sleep(1_500) // each look is a process
  }
}
const alone = (app, version) =>
  until(`version ${version} of ${app} alone`, async () => {
    const now = await view(app)
    const [only, ...others] = now.versions
    return others.length === 0 && only.status === 'ACTIVE' && only.deploymentId.startsWith(version) && now.rollout.projected.length === 0
      ? now
      : undefined
  })

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, 'localhost', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const answers = { one: [], two: [] }
const failed = []
let [sent, mixed, late] = [0, 0, 0]
const pending = new Set()
function ask(app) {
  sent++
  const at = Date.now()
  const asked = new Promise((resolve) => {
    const end = (problem) => {
      if (problem !== undefined) failed.push(`${app}: ${problem}`)
      resolve()
    }
    get({ port, host: 'localhost', path: '/signed?text=abc', agent, headers: { host: `${app}.example` } }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (part) => (text += part))
        .on('error', ({ message }) => end(message))
        .on('end', () => {
          if (response.statusCode !== 200) return end(`${response.statusCode} ${text}`)
          const { main, reverser, converter } = JSON.parse(text)
          if (new Set([main.version, reverser.version, converter.version]).size > 1) mixed++
          answers[app].push({ at, version: main.version })
          end()
        })
    }).on('error', ({ message }) => end(message))
  }).finally(() => pending.delete(asked))
  pending.add(asked)
}
const over = new AbortController()
async function load() {
  let due = 0
  for (let last = performance.now(); !over.signal.aborted; await sleep(TICK_MS)) {
    const now = performance.now()
    due += ((now - last) / 1_000) * RATE
    last = now
    // A machine that cannot keep up sends less, and says so.
    if (pending.size > 2 * RATE) late += due
    else for (let i = 0; i < Math.floor(due); i++) ask(sent % 5 === 4 ? 'two' : 'one')
    due %= 1
  }
  await Promise.all(pending)
}

/** How far the split of each step was off, in points; of steps that had enough answers. */
function splits(app, { rollout: { history } }, version) {
  const moves = history.filter((one) => one.version.startsWith(version) && ['StepStarted', 'Promoted'].includes(one.kind))
  const weights = Object.fromEntries(REGIONS.map((region) => [region, 0]))
  return moves.flatMap(({ at, kind, region, message }, i) => {
    if (kind !== 'StepStarted') return []
    weights[region] = Number(/(\d+) %/.exec(message)?.[1])
    const planned = REGIONS.reduce((sum, one) => sum + weights[one], 0) / REGIONS.length
    const end = Date.parse(moves[i + 1]?.at ?? '')
    const within = answers[app].filter((answer) => answer.at > Date.parse(at) + 500 && answer.at < end - 100)
    if (within.length < MEASURABLE) return []
    const measured = (100 * within.filter((answer) => answer.version === version).length) / within.length
    console.log(`  ${region} ${String(weights[region]).padStart(3)} %: planned ${planned.toFixed(1)} % of all, measured ${measured.toFixed(1)} % of ${within.length}`) // prettier-ignore
    return [Math.abs(measured - planned)]
  })
}

const off = []
try {
  await deploy('one', '--port', String(port))
  await deploy('two')
  const loading = load()
  for (const name of ['v2', 'v3']) {
    console.log(`${name} of "one"${name === 'v3' ? ', and of "two"' : ''}:`)
    const version = await deploy('one')
    const beside = name === 'v3' ? await deploy('two') : undefined
    off.push(...splits('one', await alone('one', version), version))
    if (beside !== undefined) off.push(...splits('two', await alone('two', beside), beside))
  }
  const v4 = await deploy('one')
  await until('v4 at half', async () => (await view('one')).traffic.some(({ deploymentId, fraction }) => deploymentId.startsWith(v4) && fraction >= 0.25)) // prettier-ignore
  const v5 = await deploy('one')
  const atOnce = new Set((await view('one')).versions.map(({ deploymentId }) => deploymentId)).size
  console.log(`v5 takes the place of v4 half way: ${atOnce} versions at once`)
  await alone('one', v5)
  over.abort()
  await loading
} finally {
  over.abort()
  await weaver('purge', '--yes')
  agent.destroy()
  rmSync(folder, { recursive: true, force: true })
}
for (const problem of failed.slice(0, 10)) console.log(`failed: ${problem}`)
const worst = Math.max(0, ...off)
console.log(
  `${sent} requests at ${RATE}/s${late >= 1 ? ` (${Math.round(late)} not sent, for the machine did not keep up)` : ''}: ${failed.length} failed, ${mixed} mixed; ${off.length === 0 ? 'no step had answers enough to tell its split' : `the split was off by at most ${worst.toFixed(1)} points in ${off.length} steps`}`,
)
process.exitCode = failed.length + mixed === 0 && worst <= 2 && off.length > 0 ? 0 : 1
