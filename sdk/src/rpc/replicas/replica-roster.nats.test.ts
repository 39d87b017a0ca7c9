/** Replicas that learn of each other over a real nats-server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Writer } from '../../codec/writer.js'
import { connectNats } from '../transport/connect-nats.js'
import type { Logger } from '../../telemetry/logger.js'
import { DEPLOYMENT, startStations, type Stations } from '../../testing/rpc-stations.js'
import { ReplicaRoster } from './replica-roster.js'

const log: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => log }
let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

async function join(replica: string): Promise<ReplicaRoster> {
  const transport = await connectNats({ servers: [stations.nats.url], name: replica, inboxPrefix: `wv.${DEPLOYMENT}.i.${replica}`, log })
  stations.onClose(() => transport.close())
  const roster = new ReplicaRoster({ transport, deploymentId: DEPLOYMENT, replica, log }, new Writer())
  roster.join('shop/Cart')
  await transport.flush()
  return roster
}

async function knows(roster: ReplicaRoster, ...replicas: readonly string[]): Promise<void> {
  while ([...roster.others('shop/Cart')].sort().join() !== replicas.join()) await sleep(5)
}

it('those that come later and those that were there know each other, until one takes its leave', async () => {
  const first = await join('c-0')
  const second = await join('c-1')
  const third = await join('c-2')
  await knows(first, 'c-1', 'c-2')
  await knows(third, 'c-0', 'c-1')
  second.close()
  await knows(first, 'c-2')
  await knows(third, 'c-0')
  expect(first.others('shop/Other')).toEqual([])
})
