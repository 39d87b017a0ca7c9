// One process of bench:local: `child.js time|heap|bare CALLS ROUNDS`. Calls the same method plainly
// and through Weaver's forwarder, in turn, and tells its parent.
import { PerformanceObserver } from 'node:perf_hooks'
import { withContext } from '@weaver/sdk'
import { App } from '../app.js'
import { EchoImpl, type Echo } from '../echo.js'
import type { Allocation, Round } from './messages.js'

const [mode, callsText, roundsText] = process.argv.slice(2)
const calls = Number(callsText)
const plain: Echo = new EchoImpl()

// One function for each: what the compiler learns of one of them shall not change the others.
async function callPlain(): Promise<void> {
  for (let i = 0; i < calls; i++) await plain.tiny('benefit')
}
async function callThroughRef(echo: Echo): Promise<void> {
  for (let i = 0; i < calls; i++) await echo.tiny('benefit')
}
async function callInsideCall(echo: Echo): Promise<void> {
  for (let i = 0; i < calls; i++) await echo.tiny('benefit')
}

async function nsPerCall(body: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint()
  await body()
  return Number(process.hrtime.bigint() - start) / calls
}

async function time(echo: Echo | undefined): Promise<readonly Round[]> {
  const rounds: Round[] = []
  // The first two are for the compiler.
  for (let round = -2; round < Number(roundsText); round++) {
    const plainNs = await nsPerCall(callPlain)
    const refNs = echo === undefined ? Number.NaN : await nsPerCall(() => callThroughRef(echo))
    // As in a component that was called itself: its caller waits for it with a deadline.
    const insideNs =
      echo === undefined ? Number.NaN : await withContext({ deadline: Date.now() + 600_000 }, () => nsPerCall(() => callInsideCall(echo)))
    if (round >= 0) rounds.push({ plainNs, refNs, insideNs })
  }
  return rounds
}

/**
 * The parent gave this process room for all that is made, so that nothing is collected meanwhile.
 */
async function heap(echo: Echo): Promise<Allocation> {
  let collections = 0
  new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] })
  const bytesPerCall = async (body: () => Promise<void>): Promise<{ readonly made: number; readonly kept: number }> => {
    await body() // for the compiler
    await collect()
    const before = process.memoryUsage().heapUsed
    const seen = collections
    await body()
    const after = process.memoryUsage().heapUsed
    await settle()
    if (collections > seen) throw new Error('the collector ran while the calls were made: give fewer calls')
    await collect()
    return { made: (after - before) / calls, kept: (process.memoryUsage().heapUsed - before) / calls }
  }
  const collect = async (): Promise<void> => {
    gc?.()
    await settle()
  }
  const beforeBytes = await bytesPerCall(callPlain)
  await echo.tiny('benefit') // from here on an asynchronous context has been active
  const plainBytes = await bytesPerCall(callPlain)
  const refBytes = await bytesPerCall(() => callThroughRef(echo))
  return { before: beforeBytes, plain: plainBytes, ref: refBytes }
}

/** Observers are told a little later. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

let echo: Echo | undefined
if (mode !== 'bare') {
  await import('../main.js')
  echo = App.current?.echo
}
process.send?.(mode === 'heap' ? await heap(echo as Echo) : await time(echo))
process.exit() // the application would serve on
