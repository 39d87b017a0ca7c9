// Follows one generation of a WeaverApp until it serves or fails. It only reads: nothing here,
// Ctrl-C included, changes the rollout. It polls instead of watching: a few reads per second are
// enough for a terminal, and a read has a time limit where a watch may hang.
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaverApp } from '@weaver/crds'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { formatSeconds } from '../../print/table.js'
import type { KubeClient } from './kube-client.js'
import { observedShare, rolloutOutcome } from './rollout-outcome.js'
import { appLine, appLines } from './rollout-view.js'
import { getApp, type AppName } from './weaver-apps.js'

export interface FollowOptions {
  readonly app: AppName
  readonly generation: number
  /** The version that this rollout introduces. */
  readonly version: string
  /** The start of all times, by `performance.now()`. */
  readonly since: number
  readonly timeoutMs?: number
  /** @default 400 */
  readonly everyMs?: number
  /** A new app that no operator has noticed after this time is reported. @default 10 s */
  readonly unseenMs?: number
  /**
   * A stalled app may recover by itself (an image that appears, a quota that grows); it is reported
   * after this time.
   * @default 15 s
   */
  readonly stalledMs?: number
}

/** Milliseconds since `since`; absent if not reached. */
export interface RolloutTimes {
  firstTraffic?: number
  fullTraffic?: number
  done?: number
}

/**
 * @returns when the generation serves all traffic
 * @throws WeaverError `WEAVER_CLI_ROLLOUT_FAILED`, `WEAVER_CLI_TIMEOUT`, `WEAVER_CLI_DETACHED`
 */
export async function followRollout(
  client: KubeClient,
  context: Pick<CliContext, 'output' | 'onSignal'>,
  options: FollowOptions,
): Promise<RolloutTimes> {
  const { app, generation, version, since, everyMs = 400, unseenMs = 10_000, stalledMs = 15_000 } = options
  const { output } = context
  const times: RolloutTimes = {}
  const name = `WeaverApp "${app.namespace}/${app.name}"`
  const again = `\`weaver kube status ${app.name} --namespace ${app.namespace} --watch\` shows how it goes on`
  const interrupt = new AbortController()
  const release = context.onSignal(() => interrupt.abort())
  const started = performance.now()
  let stalledSince: number | undefined
  let isUnseenTold = false
  let lastLine = ''
  try {
    for (;;) {
      const found = await getApp(client, app)
      if (found === undefined) throw cliError('WEAVER_CLI_ROLLOUT_FAILED', `${name} was deleted while it was followed`)
      const now = performance.now()
      const elapsed = Math.round(now - since)
      note(times, found, { version, elapsed })
      const line = appLine(found)
      if (output.live !== undefined)
        output.live.draw([
          ...appLines(found, output.style),
          output.style.dim(`  ${formatSeconds(elapsed)}; Ctrl-C leaves, the rollout goes on`),
        ])
      else if (line !== lastLine) output.progress(`${formatSeconds(elapsed).padStart(8)}  ${line}`)
      lastLine = line

      const outcome = rolloutOutcome(found, generation)
      if (outcome.kind === 'done') {
        times.fullTraffic ??= elapsed
        times.firstTraffic ??= times.fullTraffic
        times.done = elapsed
        return times
      }
      if (outcome.kind === 'failed')
        throw cliError('WEAVER_CLI_ROLLOUT_FAILED', `the rollout of ${name} failed: ${outcome.message}${stillServing(found)}`, {
          details: { times },
        })
      if (outcome.kind === 'superseded')
        throw cliError('WEAVER_CLI_ROLLOUT_FAILED', `the rollout of ${name} was overtaken: ${outcome.message}`)
      if (outcome.kind === 'stalled') {
        stalledSince ??= now
        if (now - stalledSince > stalledMs)
          throw cliError('WEAVER_CLI_ROLLOUT_FAILED', `the rollout of ${name} is stuck: ${outcome.message}${stillServing(found)}`, {
            details: { times },
          })
      } else stalledSince = undefined
      if (outcome.kind === 'going' && !outcome.isSeen && !isUnseenTold && now - started > unseenMs) {
        isUnseenTold = true
        output.live?.done()
        output.warn(
          `no operator has looked at ${name} for ${unseenMs / 1000} s (status.observedGeneration is ${found.status?.observedGeneration ?? 'absent'}, ${generation} is wanted); is it running? \`kubectl get pods -A -l app.kubernetes.io/component=operator\``,
        )
      }
      if (options.timeoutMs !== undefined && now - started > options.timeoutMs)
        throw cliError(
          'WEAVER_CLI_TIMEOUT',
          `${name} is not done after ${formatSeconds(options.timeoutMs)}: ${line}. The rollout goes on; ${again}`,
          { details: { times } },
        )
      await sleep(everyMs, undefined, { signal: interrupt.signal }).catch(() => undefined) // only an interrupt ends it early
      if (interrupt.signal.aborted)
        throw cliError('WEAVER_CLI_DETACHED', `left; the rollout of ${name} goes on. ${again}`, { details: { times } })
    }
  } finally {
    output.live?.done()
    release()
  }
}

function note(times: RolloutTimes, app: WeaverApp, { version, elapsed }: { readonly version: string; readonly elapsed: number }): void {
  const share = observedShare(app, version)
  if (share > 0) times.firstTraffic ??= elapsed
  if (share >= 100) times.fullTraffic ??= elapsed
}

function stillServing({ status }: WeaverApp): string {
  return status?.active === undefined ? '' : `. Version "${status.active}" serves on`
}
