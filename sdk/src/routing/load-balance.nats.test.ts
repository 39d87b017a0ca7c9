/** Keys that follow the load, over a real nats-server: `balance: 'load'`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { movedPerMille } from '@weaver/deployer/testing'
import { ownerOf, type Assignment } from '../contract/assignment.js'
import { parseRoutingEvent } from '../contract/routing.js'
import { shardKey } from '../contract/shard-key.js'
import { eventSubject } from '../contract/subjects.js'
import { startRoutedStations, type RoutedStations } from '../testing/routed-stations.js'
import { DEPLOYMENT } from '../testing/rpc-stations.js'

const REPLICAS = ['c-0', 'c-1', 'c-2']
const KEYS = Array.from({ length: 90 }, (_, i) => `user-${i}`)
const MAX_MOVED = 0.1 // of all slices in one step

let routed: RoutedStations
beforeEach(async () => {
  routed = await startRoutedStations()
})
afterEach(() => routed.close())

/**
 * Three replicas, a deployer that looks at the load, and a caller who numbers its calls of each
 * key.
 */
async function start() {
  const { history } = await routed.startController('load')
  const seen = new Map(REPLICAS.map((replica) => [replica, [] as string[]]))
  await Promise.all(REPLICAS.map((replica) => routed.startReplica(replica, seen.get(replica))))
  const web = await routed.startCaller()
  const before = await web.knows(...REPLICAS)
  const numbers = new Map<string, number>()
  /** One call of each of these, all at once. @returns how many of them each replica has answered */
  const wave = async (keys: readonly string[]): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = Object.fromEntries(REPLICAS.map((replica) => [replica, 0]))
    const calls = keys.map((key) => {
      const number = (numbers.get(key) ?? 0) + 1
      numbers.set(key, number)
      return web.get(`${key}:${number}`)
    })
    for (const replica of await Promise.all(calls)) counts[replica] = (counts[replica] ?? 0) + 1
    return counts
  }
  /** Calls these again and again until it is so, for 20 s at most. */
  const until = async (isSo: (counts: Readonly<Record<string, number>>) => boolean, keys: readonly string[]) => {
    let counts = await wave(keys)
    for (const limit = Date.now() + 60_000; Date.now() < limit && !isSo(counts); await sleep(10)) counts = await wave(keys)
    return counts
  }
  return { before, history, seen, numbers, wave, until }
}

const times = (count: number, keys: readonly string[]): readonly string[] => Array.from({ length: count }, () => keys).flat()
const ownedBy = (assignment: Assignment, replica: string) => KEYS.filter((key) => ownerOf(assignment, shardKey(key)) === replica)
const excess = (counts: Readonly<Record<string, number>>): number => {
  const loads = Object.values(counts)
  return (Math.max(...loads) * loads.length) / loads.reduce((sum, load) => sum + load, 0)
}

/** Nothing is moved but from one replica to another that had less, a few slices at a time. */
function expectLittleChurn(history: readonly Assignment[], before: Assignment): void {
  const steps = [before, ...history.filter(({ epoch }) => epoch > before.epoch)]
  for (const [at, step] of steps.slice(1).entries()) {
    const last = steps[at] as Assignment // the one before it
    expect(step.epoch).toBeGreaterThan(last.epoch)
    expect(movedPerMille(last, step) / 1_000).toBeLessThanOrEqual(MAX_MOVED + 1 / last.owners.length)
  }
}

it('calls even out when some keys are called more than others; then nothing moves any more', async () => {
  const { before, history, until } = await start()
  const crowd = [...KEYS, ...times(8, ownedBy(before, 'c-0'))]
  const counts = await until((found) => excess(found) <= 1.25, crowd)
  expect(excess(counts)).toBeLessThanOrEqual(1.25)
  expectLittleChurn(history, before)
  // What was too much for one is what had to move, and what moved stays.
  const after = history.at(-1) as Assignment
  expect(movedPerMille(before, after)).toBeLessThanOrEqual(450)
  const steps = history.length
  const calm = Date.now() + 1_500 // ten looks at the load
  await until(() => Date.now() > calm, crowd)
  expect(history.length - steps).toBeLessThanOrEqual(2)
})

it('a key that is hot by itself keeps its replica, and all others leave that to it', async () => {
  const { before, history, until } = await start()
  const hot = 'user-7'
  const owner = ownerOf(before, shardKey(hot)) as string
  const crowd = [...KEYS, ...times(KEYS.length, [hot])] // half of all calls
  const others = KEYS.length - 1
  const rest = (counts: Readonly<Record<string, number>>): number => (counts[owner] ?? 0) - KEYS.length - 1
  expect(rest(await until(() => true, crowd))).toBeGreaterThan(others / 5)
  const counts = await until((found) => rest(found) <= others / 20, crowd)
  expect(rest(counts)).toBeLessThanOrEqual(others / 20)
  await until(() => history.at(-1)?.owners.length !== before.owners.length, crowd) // slices are cut, to see what of one is hot
  expect(history.at(-1)?.owners.length).toBeGreaterThan(before.owners.length)
  expectLittleChurn(history, before)
  expect(history.map((assignment) => assignment.replicas.length < 3 || ownerOf(assignment, shardKey(hot)) === owner)).not.toContain(false)
})

it('calls of a key arrive in their order while keys move, each once', async () => {
  const { before, history, seen, numbers, until } = await start()
  await until((found) => excess(found) <= 1.25, [...KEYS, ...times(8, ownedBy(before, 'c-1'))])
  expect(history.at(-1)?.epoch).toBeGreaterThan(before.epoch)
  const arrived = new Map<string, number[]>()
  for (const calls of seen.values()) {
    const last = new Map<string, number>()
    for (const call of calls) {
      const [key = '', number = ''] = call.split(':')
      const misplaced = Number(number) <= (last.get(key) ?? 0) ? call : undefined
      expect(misplaced).toBeUndefined()
      last.set(key, Number(number))
      arrived.set(key, [...(arrived.get(key) ?? []), Number(number)])
    }
  }
  for (const [key, count] of numbers)
    expect(arrived.get(key)?.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
})

it('loads are reported only where the deployer wants them, also after one that did not', async () => {
  const { controller } = await routed.startController()
  const reports: string[] = []
  const listener = await routed.connection('listener')
  listener.subscribe(eventSubject(DEPLOYMENT), ({ data }) => {
    const event = parseRoutingEvent(data)
    if (event?.kind === 'load') reports.push(event.component)
  })
  await routed.startReplica('c-0')
  await routed.startReplica('c-1')
  const web = await routed.startCaller()
  const before = await web.knows('c-0', 'c-1')
  const callFor = async (ms: number): Promise<void> => {
    for (const limit = Date.now() + ms; Date.now() < limit; await sleep(5)) await Promise.all(KEYS.map((key) => web.get(key)))
  }
  await callFor(1_000)
  expect(reports).toEqual([])
  controller.close()
  const { history } = await routed.startController('load')
  await callFor(1_500)
  expect(history[0]).toMatchObject({ owners: before.owners, isLoadWanted: true }) // the same keys
  expect(reports.length).toBeGreaterThan(0)
})
