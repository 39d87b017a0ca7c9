/**
 * A broker at the border of reconciler tests. Differs from the real one: accounts are entries of a set and close nothing, credentials are text, and every
 * ready weavelet answers at once with the number of calls that the test says are in flight. Connections into a version go to the real server that the test
 * names, without an account.
 */
import type { MetricFamily } from '@weaver/sdk/contract'
import type { Broker } from '../broker/broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import { connectBroker } from '../broker/nats-connection.js'

export interface FakeBroker extends Broker {
  /** Version ids with an account. */
  readonly accounts: ReadonlySet<string>
  /** Calls in flight by version id; absent: 0. */
  readonly inFlight: Map<string, number>
  /** Version ids whose weavelets were asked to say goodbye, once for each time. */
  readonly goodbyes: string[]
  /** What a replica has counted; absent: it does not answer. */
  metricsOf: (versionId: string, replica: string) => readonly MetricFamily[] | undefined
  /** Set: every call fails with it. */
  outage: string | undefined
  /** A real server for connections into versions; absent: they fail. */
  natsUrl: string | undefined
}

export function createFakeBroker(): FakeBroker {
  const accounts = new Set<string>()
  const inFlight = new Map<string, number>()
  const key = (identity: VersionIdentity) => identity.versionId
  let issued = 0
  const broker: FakeBroker = {
    accounts,
    inFlight,
    goodbyes: [],
    metricsOf: () => undefined,
    outage: undefined,
    natsUrl: undefined,
    isolation: 'account-per-version',
    servers: ['nats://127.0.0.1:4222'],
    async ensureVersion(identity) {
      failIfOut()
      accounts.add(key(identity))
    },
    async groupCredentials(identity, group) {
      return `creds of ${identity.deploymentId}/${group}, issued ${issued++}`
    },
    async removeVersion(identity) {
      failIfOut()
      accounts.delete(key(identity))
    },
    async weavelets(identity, { expect, goodbye }) {
      failIfOut()
      if (goodbye === true) broker.goodbyes.push(key(identity))
      return expect.map((replica, i) => ({
        kind: 'status' as const,
        replica,
        group: 'g',
        versionId: identity.versionId,
        fingerprint: 'f',
        ready: true,
        draining: false,
        inFlight: i === 0 ? (inFlight.get(key(identity)) ?? 0) : 0,
        served: 0,
      }))
    },
    async metrics(identity, { replicas }) {
      failIfOut()
      return replicas.flatMap((replica) => {
        const families = broker.metricsOf(key(identity), replica)
        return families === undefined ? [] : [{ kind: 'metrics' as const, replica, group: 'g', versionId: identity.versionId, families }]
      })
    },
    async connectTo(identity) {
      failIfOut()
      if (broker.natsUrl === undefined || !accounts.has(key(identity))) throw new Error('the test has no server for it')
      return connectBroker({ servers: [broker.natsUrl], creds: undefined, name: 'operator', keepsTrying: false })
    },
    onReconnect() {},
    async close() {},
  }
  function failIfOut(): void {
    if (broker.outage !== undefined) throw new Error(broker.outage)
  }
  return broker
}
