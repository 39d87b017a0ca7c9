/** The wall clock of the machine is set while calls run. */
import { jest } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { CART, failureOf, startStations, type Stations } from '../testing/rpc-stations.js'
import { context, scope, withContext } from '../context/context.js'
import { runWithLimits } from './local-wait.js'

const HOUR_MS = 3_600_000

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stations.close()
})

const now = Date.now.bind(Date)
/** @param aheadMs of the time that it is */
function setClock(aheadMs: number): void {
  jest.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs)
}

it('an hour ahead, it ends no call', async () => {
  const work = async (): Promise<string> => {
    await sleep(400)
    return 'done'
  }
  await stations.startReplica({ ...CART, work })
  const { call } = await stations.startCaller()
  const [remote, local] = withContext({ timeoutMs: 20_000 }, () => [
    call('work'),
    withContext({ deadline: Date.now() + 20_000 }, () => runWithLimits('work', scope(), work)),
  ])
  await sleep(50)
  setClock(HOUR_MS)
  expect(await Promise.all([remote, local])).toEqual(['done', 'done'])
  expect(await call('work')).toBe('done') // with the limit of its method
})

it('an hour back, it makes no limit longer', async () => {
  const never = (): Promise<string> =>
    new Promise((resolve) => scope().signal.addEventListener('abort', () => resolve('nobody waits for it')))
  await stations.startReplica({ ...CART, work: never })
  const { call } = await stations.startCaller()
  const outcomes = withContext({ timeoutMs: 300 }, () => [
    call('work'),
    withContext({ deadline: Date.now() + 300 }, () => runWithLimits('work', scope(), never)),
  ])
  await sleep(50)
  setClock(-HOUR_MS)
  for (const failure of await Promise.all(outcomes.map(failureOf))) expect(failure).toMatchObject({ code: 'WEAVER_RPC_DEADLINE' })
})

it('is what code of the application sees and says deadlines by, before and after it is set', async () => {
  let left = 0
  const work = async (): Promise<string> => `${(left = (context().deadline ?? 0) - Date.now())}`
  await stations.startReplica({ ...CART, work })
  const { call } = await stations.startCaller()
  for (const aheadMs of [0, HOUR_MS, -HOUR_MS]) {
    setClock(aheadMs)
    await withContext({ deadline: Date.now() + 20_000 }, async () => {
      expect((context().deadline ?? 0) - Date.now()).toBeGreaterThan(15_000)
      await call('work')
    })
    expect(left).toBeGreaterThan(15_000)
    expect(left).toBeLessThanOrEqual(20_001)
  }
})
