import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { freePort } from '@weaver/deployer'
import { createOutput } from '../../print/output.js'
import { gkeFolders } from './gke-folders.js'
import { balancerState, findBalancer, runBalancer, tellBalancer } from './load-balancer.js'

it('goes by a plan of two thousand processes', async () => {
  const state = mkdtempSync(join(tmpdir(), 'weaver-balancer-'))
  const env = { XDG_STATE_HOME: state }
  const output = createOutput({ stdout: new PassThrough(), stderr: new PassThrough(), env })
  let stop = (): void => undefined
  const onSignal = (listener: (signal: NodeJS.Signals) => void): (() => void) => {
    stop = () => listener('SIGTERM')
    return () => undefined
  }
  const ended = runBalancer(await freePort(), { env, cwd: state, output, onSignal, setExitCode: () => undefined })
  try {
    let balancer = findBalancer(gkeFolders(env))
    for (; balancer === undefined; balancer = findBalancer(gkeFolders(env))) await new Promise(setImmediate)
    const backends = Array.from({ length: 2_000 }, (_, i) => ({ id: `main-${i}/${100_000 + i}`, host: '127.0.0.1', port: 20_000 + i }))
    const plan = {
      shares: { shop: { west: { v1: 100 } } },
      routes: [{ host: 'shop.com', targets: [{ id: 'west/v1', weight: 100, backends }] }],
    }
    expect(JSON.stringify(plan).length).toBeGreaterThan(100_000)
    await tellBalancer(balancer, plan)
    expect((await balancerState(balancer)).stats.routes[0]?.targets[0]?.backends).toHaveLength(2_000)
  } finally {
    stop()
    await ended
    rmSync(state, { recursive: true })
  }
})
