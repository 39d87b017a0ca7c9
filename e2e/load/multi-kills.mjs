// `weaver multi` under load while replicas die: every 2 s one replica of a group that is whole is killed with -9 for a minute, then one gets SIGTERM for half a
// minute. Prints the counts. A request may be lost only where it was under way when a process was killed, and none may be lost by SIGTERM.
//
//   node e2e/load/multi-kills.mjs [seconds of kill -9, default 60]     after `npm run build`; needs a nats-server
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const SECONDS = Number(process.argv[2] ?? 60)
const CLIENTS = 16
const EVERY_MS = 2_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WEAVER = join(ROOT, 'cli/bin/weaver.js')

const folder = mkdtempSync(join(tmpdir(), 'weaver-kills-'))
const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state') }
writeFileSync(
  join(folder, 'weaver.toml'),
  `[serviceweaver]\nname = "kills"\nbinary = ${JSON.stringify(join(ROOT, 'examples/httpserver/dist/main.js'))}\n`,
)
const view = () => JSON.parse(execFileSync(process.execPath, [WEAVER, 'multi', 'status', '--json'], { env, encoding: 'utf8' }))[0]

const deployer = spawn(process.execPath, [WEAVER, 'multi', 'deploy', 'weaver.toml'], {
  cwd: folder,
  env,
  stdio: ['ignore', 'pipe', 'pipe'],
})
const exited = once(deployer, 'exit')
let said = ''
deployer.stdout.resume()
deployer.stderr.setEncoding('utf8').on('data', (text) => (said += text))
while (!said.includes('ready: ')) {
  if (deployer.exitCode !== null) throw new Error(said)
  await sleep(100)
}
const { address } = view().listeners[0]

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
const failed = []
let requests = 0
const over = new AbortController()
function ask() {
  const from = performance.now()
  return new Promise((resolve) => {
    const end = (error) => {
      requests++
      if (error !== undefined) failed.push({ from, to: performance.now(), error })
      resolve()
    }
    get(`http://${address}/reverse?text=abc`, { agent }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (part) => (text += part))
        .on('error', (error) => end(error.message))
        .on('end', () =>
          end(response.statusCode === 200 && text.trimEnd() === '{"text":"cba"}' ? undefined : `${response.statusCode} ${text}`),
        )
    }).on('error', (error) => end(error.message))
  })
}
const clients = Array.from({ length: CLIENTS }, async () => {
  while (!over.signal.aborted) await ask()
})

/** Until then: a signal every two seconds. @returns when each was sent */
async function send(signal, seconds) {
  const times = []
  const until = performance.now() + seconds * 1_000
  for (let i = 0; performance.now() < until; await sleep(EVERY_MS)) {
    const whole = view().groups.filter(({ replicas }) => replicas.every(({ state }) => state === 'ready'))
    if (whole.length === 0) continue
    const { replicas } = whole[i++ % whole.length]
    const { pid } = replicas[i % replicas.length]
    try {
      process.kill(pid, signal)
      times.push(performance.now())
    } catch {
      // it has ended meanwhile
    }
  }
  return times
}

const killed = await send('SIGKILL', SECONDS)
const turn = performance.now()
const told = await send('SIGTERM', SECONDS / 2)
await sleep(EVERY_MS)
over.abort()
await Promise.all(clients)
agent.destroy()
deployer.kill('SIGINT')
await exited
rmSync(folder, { recursive: true, force: true })

const [byKill, byTerm] = [failed.filter(({ from }) => from < turn), failed.filter(({ from }) => from >= turn)]
const unexcused = byKill.filter(({ from, to }) => !killed.some((at) => from <= at && to >= at))
for (const { error } of [...unexcused, ...byTerm].slice(0, 10)) console.log(`lost: ${error}`)
console.log(`${requests} requests by ${CLIENTS} clients`)
console.log(
  `${killed.length} processes killed with -9: ${byKill.length} requests lost, ${unexcused.length} of them not under way at that moment`,
)
console.log(`${told.length} processes told to end (SIGTERM): ${byTerm.length} requests lost`)
console.log(`the deployer ended with ${deployer.exitCode}`)
process.exitCode = unexcused.length + byTerm.length === 0 && requests > 0 ? 0 : 1
