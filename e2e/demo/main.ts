// `make demo`: the whole story on one page. scripts/demo.sh has brought a cluster up; this installs
// the operator, deploys v1, sends load, deploys v2 and ends with a verdict. Exit code 0 only when
// no request failed and no answer was mixed.
import { setTimeout as delay } from 'node:timers/promises'
import type { WeaverApp } from '@weaver/crds'
import { getApp, kubectl } from '../support/kube.js'
import { startLoad } from '../support/load.js'
import { describeUse, operatorUse } from '../support/operator-cost.js'
import { createNamespace, deleteNamespace, installOperator, platformFromEnvironment, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'
import { settledOn, splitPerStep, watchRollout, type Watched } from '../support/rollout.js'
import { eventually, together, type ShOptions } from '../support/sh.js'

const NAMESPACE = 'demo'
const RATE = 250
const ROLLOUT = '30s'
const platform = platformFromEnvironment()
const times: [string, number][] = []
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const pass = (text: string): void => void process.stderr.write(text.replace(/^/gm, '    ').replace(/ +$/, ''))

async function phase<T>(name: string, work: () => Promise<T>): Promise<T> {
  say(`\n==> ${name}`)
  const started = Date.now()
  const result = await work()
  times.push([name, Date.now() - started])
  return result
}

const cell = (value: unknown, width: number): string => String(value ?? '-').padStart(width)

async function main(): Promise<boolean> {
  await deleteNamespace(NAMESPACE)
  const installed = await phase('operator: build its image, push it, helm install', () => installOperator(platform, { onOutput: pass }))
  await createNamespace(NAMESPACE)
  const deploy = (folder: string, options: ShOptions = {}): Promise<unknown> =>
    weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE], { ...options, onOutput: pass })

  const v1 = await makeRelease({ release: 'v1', rollout: ROLLOUT })
  const v2 = await makeRelease({ release: 'v2', rollout: ROLLOUT })
  await phase('weaver kube deploy weaver.toml (v1)', () => deploy(v1))
  const active = (await getApp(NAMESPACE, 'httpserver')).status?.active

  const load = await phase(`load: ${RATE} requests/s through the Service httpserver-lis, half of them keep-alive`, async () => {
    const found = await startLoad({
      namespace: NAMESPACE,
      name: 'load',
      url: 'http://httpserver-lis',
      rate: RATE,
      image: platform.baseImage,
    })
    await eventually('the first answers', async () => ((await found.report()).ok > RATE ? true : undefined))
    await found.reset()
    return found
  })
  const atRest = await operatorUse()
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const beforeRollout = await operatorUse()

  const { rollout, deployStarted, fullAt, samples } = await phase(
    `weaver kube deploy weaver.toml (v2, rollout ${ROLLOUT}), under load`,
    async () => {
      const deployStarted = Date.now()
      let fullAt = 0
      const table = async (signal: AbortSignal): Promise<void> => {
        say(
          `${cell('time', 7)} ${cell('phase', 12)} ${cell('desired', 8)} ${cell('observed', 9)} ${cell('v1 req', 8)} ${cell('v2 req', 8)} ${cell('failed', 7)} ${cell('mixed', 6)}`,
        )
        while (!signal.aborted) {
          const [app, report] = await Promise.all([getApp(NAMESPACE, 'httpserver'), load.report()])
          const preview = app.status?.versions?.find((version) => version.id === app.status?.preview)
          say(
            `${cell(`${((Date.now() - deployStarted) / 1000).toFixed(1)}s`, 7)} ${cell(app.status?.phase, 12)} ${cell(preview?.weightDesired, 8)} ${cell(preview?.weightObserved, 9)} ` +
              `${cell(report.byRelease['v1'] ?? 0, 8)} ${cell(report.byRelease['v2'] ?? 0, 8)} ${cell(report.failed, 7)} ${cell(report.mixed, 6)}`,
          )
          await delay(2000, undefined, { signal }).catch(() => undefined)
        }
      }
      const until = (app: WeaverApp): boolean => {
        const full = app.status?.versions?.find((version) => version.id !== active && version.weightObserved === 100)
        if (full !== undefined && fullAt === 0) fullAt = Date.now()
        return app.status?.active !== active && settledOn(active === undefined ? {} : { not: active })(app)
      }
      const [, watched] = await together<[unknown, Watched, void]>((signal) => {
        const settled = new AbortController()
        const work = deploy(v2, { signal }).finally(() => settled.abort())
        return [work, watchRollout(NAMESPACE, 'httpserver', { until, signal }), table(AbortSignal.any([signal, settled.signal]))]
      })
      return { rollout: watched.app, samples: watched.samples, deployStarted, fullAt }
    },
  )
  const afterRollout = await operatorUse()
  const report = await load.stop()

  say('\n==> kubectl get weaverapps -o wide')
  say(await kubectl(['get', 'weaverapps', '-n', NAMESPACE, '-o', 'wide']))
  say('split that users saw, per step:')
  const split = splitPerStep(samples, report.seconds)
  for (const step of split)
    say(`  asked ${cell(step.weight, 3)} %   measured ${step.measured.toFixed(1).padStart(5)} %   of ${step.requests} requests`)

  say('\nphase times (a version that got its last request is kept for 5 s here, for 2 minutes by default):')
  say(
    `  ${(installed.imageMs / 1000).toFixed(1).padStart(6)} s  operator image     ${(installed.installMs / 1000).toFixed(1)} s  helm install`,
  )
  for (const [name, ms] of times) say(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`)
  const first = report.firstAt['v2']
  if (first !== undefined)
    say(`  ${((first - deployStarted) / 1000).toFixed(1).padStart(6)} s  from "weaver kube deploy" (v2) to the first answer of v2`)
  if (fullAt > 0) say(`  ${((fullAt - deployStarted) / 1000).toFixed(1).padStart(6)} s  from "weaver kube deploy" (v2) to 100 %`)
  say(`  operator at rest, 10 s under load:  ${describeUse(atRest, beforeRollout)}`)
  say(`  operator during the rollout:        ${describeUse(beforeRollout, afterRollout)}`)
  say(`  latency of all answers: p50 ${report.latencyMs.p50} ms, p99 ${report.latencyMs.p99} ms, max ${report.latencyMs.max} ms`)
  for (const failure of report.failures.slice(0, 5)) say(`  failed: ${JSON.stringify(failure)}`)
  for (const mix of report.mixes.slice(0, 3)) say(`  mixed: ${JSON.stringify(mix)}`)

  const measured = split.filter((step) => step.requests >= 400)
  const offBy = Math.max(0, ...measured.map((step) => Math.abs(step.measured - step.weight)))
  const unmeasured = [10, 25, 50, 75, 100].filter((weight) => !measured.some((step) => step.weight === weight))
  const isCounted = report.sent === report.ok + report.failed + report.inFlight
  const good =
    report.failed === 0 &&
    report.mixed === 0 &&
    isCounted &&
    report.perSecond >= 200 &&
    rollout.status?.phase === 'Ready' &&
    (report.byRelease['v2'] ?? 0) > 0 &&
    unmeasured.length === 0 &&
    offBy <= 2
  say(
    `\n${good ? 'PASS' : 'FAIL'}: v1 -> v2 under load: ${report.sent} requests, ${report.failed} failed, ${report.mixed} mixed; ` +
      `v1 answered ${report.byRelease['v1'] ?? 0}, v2 answered ${report.byRelease['v2'] ?? 0}; ${report.perSecond.toFixed(0)} sent in a second; split off by at most ${offBy.toFixed(1)} points${unmeasured.length === 0 ? '' : `; not measured at ${unmeasured.join(', ')} %`}`,
  )
  return good
}

process.exitCode = (await main().catch((error: unknown) => {
  say(`\nFAIL: ${error instanceof Error ? error.message : String(error)}`)
  return false
}))
  ? 0
  : 1
