// Open-loop HTTP load on /signed, run as a pod inside the cluster (see support/load.ts). It keeps the asked rate whatever the answers do, half of it on
// kept-alive connections, half on new ones; it never retries. Every answer passed two remote components that sign with their version:
// an answer with two different signatures is "mixed", an answer that is not 200, breaks off or takes longer than the limit is "failed".
// The limit is one of a process that runs: one that has stood still, with its machine, first reads what came meanwhile.
// After a reset the requests that are under way are counted still, as sent and by how they end.
// Control: GET /stats, /reset and /stop on 127.0.0.1:9900 inside the pod. /stop ends the load and answers when nothing is in flight; the process lives on
// until its pod is deleted, for whoever asks by `kubectl exec` must not be cut off by the end of what it asks.
//   node load.mjs URL RATE
import http from 'node:http'

const [url = '', rateText = '200'] = process.argv.slice(2)
const rate = Number(rateText)
const TIMEOUT_MS = 10_000
/** A limit that comes later than this is that of a process that stood still: what was answered meanwhile is not read yet, and has a limit of its own. */
const LATE_MS = 1_000
const KEEP_SECONDS = 900
const agents = [new http.Agent({ keepAlive: true, maxSockets: 32 }), new http.Agent({ keepAlive: false, maxSockets: Infinity })]

/** Per second of the moment a request was sent. */
const seconds = new Map()
const failures = []
const mixes = []
let total
reset()

function reset() {
  seconds.clear()
  failures.length = 0
  mixes.length = 0
  const carried = total?.inFlight ?? 0
  total = {
    since: Date.now(),
    sent: carried,
    ok: 0,
    failed: 0,
    mixed: 0,
    inFlight: carried,
    byVersion: {},
    byRelease: {},
    firstAt: {},
    lastAt: {},
    latencies: [],
  }
}

function bucket(at) {
  const second = Math.floor(at / 1000)
  let found = seconds.get(second)
  if (found === undefined) {
    found = { at: second * 1000, sent: 0, ok: 0, failed: 0, mixed: 0, byVersion: {}, byRelease: {} }
    seconds.set(second, found)
    seconds.delete(second - KEEP_SECONDS)
  }
  return found
}

function fire(n) {
  const at = Date.now()
  const row = bucket(at)
  row.sent++
  total.sent++
  total.inFlight++
  const text = `load-${n}`
  let settled = false
  let limit
  const settle = (outcome) => {
    if (settled) return
    settled = true
    clearTimeout(limit)
    total.inFlight--
    outcome()
  }
  const fail = (why) =>
    settle(() => {
      row.failed++
      total.failed++
      if (failures.length < 50) failures.push({ at, afterMs: Date.now() - at, keepAlive: n % 2 === 0, why })
    })
  const request = http.get(`${url}/signed?text=${text}`, { agent: agents[n % 2] }, (response) => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (chunk) => (body += chunk))
    response.on('error', (error) => fail(`answer broke off: ${error.code ?? error.message}`))
    response.on('end', () => {
      if (response.statusCode !== 200) return fail(`status ${response.statusCode}: ${body.slice(0, 200)}`)
      let answer
      try {
        answer = JSON.parse(body)
      } catch {
        return fail(`not JSON: ${body.slice(0, 200)}`)
      }
      const signers = [answer.main, answer.reverser, answer.converter]
      if (signers.some((s) => typeof s?.version !== 'string' || typeof s?.release !== 'string'))
        return fail(`an answer without its three signatures: ${body.slice(0, 200)}`)
      settle(() => {
        const now = Date.now()
        const versions = new Set(signers.map((s) => s.version))
        const releases = new Set(signers.map((s) => s.release))
        const mixed = versions.size > 1 || releases.size > 1 || response.headers['x-weaver-version'] !== answer.main.version
        row.ok++
        total.ok++
        if (mixed) {
          row.mixed++
          total.mixed++
          if (mixes.length < 50) mixes.push({ at, header: response.headers['x-weaver-version'], signers })
        }
        const { version, release } = answer.main
        for (const counts of [row.byVersion, total.byVersion]) counts[version] = (counts[version] ?? 0) + 1
        for (const counts of [row.byRelease, total.byRelease]) counts[release] = (counts[release] ?? 0) + 1
        total.firstAt[release] ??= now
        total.lastAt[release] = now
        total.latencies.push(now - at)
        if (total.latencies.length > 200_000) total.latencies.splice(0, 100_000)
      })
    })
  })
  request.on('error', (error) => fail(error.code ?? error.message))
  const arm = (armedAt) =>
    (limit = setTimeout(() => {
      if (Date.now() - armedAt > TIMEOUT_MS + LATE_MS) return arm(Date.now())
      request.destroy(Object.assign(new Error('no answer in time'), { code: `no answer within ${TIMEOUT_MS} ms` }))
    }, TIMEOUT_MS))
  arm(at)
}

function report() {
  const { latencies, ...counts } = total
  const sorted = [...latencies].sort((a, b) => a - b)
  const quantile = (q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? null
  return {
    ...counts,
    // What was really sent in a second, on average: a starved machine sends less than was asked.
    perSecond: total.sent / Math.max(0.001, (Date.now() - total.since) / 1000),
    latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1) ?? null },
    failures,
    mixes,
    seconds: [...seconds.values()],
  }
}

let started = Date.now()
let fired = 0
let ticked = started
let goesOnAt = 0
const ticker = setInterval(() => {
  // After a standstill, connections that were closed meanwhile are noticed first.
  if (Date.now() - ticked > LATE_MS) goesOnAt = Date.now() + 250
  ticked = Date.now()
  if (ticked < goesOnAt) return
  const due = ((Date.now() - started) * rate) / 1000
  // A pause of this process must not turn into a burst: at most a quarter of a second is caught up.
  if (due - fired > rate / 4) fired = Math.floor(due - rate / 4)
  while (fired < due) fire(fired++)
}, 5)

http
  .createServer((request, response) => {
    if (request.url === '/reset') reset()
    if (request.url === '/stop') {
      clearInterval(ticker)
      const wait = () => (total.inFlight > 0 ? setTimeout(wait, 20) : response.end(JSON.stringify(report())))
      return wait()
    }
    response.end(JSON.stringify(report()))
  })
  .listen(9900, '127.0.0.1')
