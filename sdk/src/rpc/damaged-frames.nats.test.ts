/** Whoever may publish where a replica listens can send it anything, without end. */
import { connect } from 'nats'
import { callSubject, everyReplicaSubject } from '../contract/subjects.js'
import { CART, COMPONENT, DEPLOYMENT, startStations, type Stations } from '../testing/rpc-stations.js'

let stations: Stations
beforeEach(async () => {
  stations = await startStations()
})
afterEach(() => stations.close())

it('leaves one line in the log for a flood of messages that cannot be understood, and serves on', async () => {
  await stations.startReplica(CART)
  const { call } = await stations.startCaller()
  const raw = await connect({ servers: stations.nats.url })
  try {
    for (let i = 0; i < 500; i++)
      for (const subject of [callSubject(DEPLOYMENT, COMPONENT), everyReplicaSubject(DEPLOYMENT, COMPONENT)])
        raw.publish(subject, Uint8Array.from([1, 2, i & 255]), { reply: 'nobody.listens' })
    await raw.flush()
  } finally {
    await raw.close()
  }
  expect(await call('echo', 'still there')).toBe('still there')
  expect(stations.logged.filter((message) => message === 'a message cannot be understood; nothing is done')).toHaveLength(1)
})
