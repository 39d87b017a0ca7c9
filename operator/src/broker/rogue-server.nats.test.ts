/**
 * A nats-server that somebody in the cluster starts, with the name of ours and an account named as
 * a version's: with a route to one of ours it would hear and say everything in that account,
 * whatever the credentials of clients are.
 */
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { callSubject } from '@weaver/sdk/contract'
import { createLogger } from '../log/logger.js'
import { startNatsCluster, startPlainNatsServer, type NatsCluster } from '../testing/nats-cluster.js'
import type { Broker, BrokerVersion } from './broker.js'
import { startJwtBroker } from './jwt-broker.js'
import { deriveVersionKeys } from './version-keys.js'

const IDENTITY: BrokerVersion = {
  appUid: 'uid-1',
  versionId: '00000001',
  deploymentId: 'shop-1',
  groups: [
    { name: 'cart', hosts: ['shop/Cart'], calls: [] },
    { name: 'front', hosts: [], calls: ['shop/Cart'] },
  ],
  layout: 2,
}
const SUBJECT = callSubject(IDENTITY.deploymentId, 'shop/Cart')

let cluster: NatsCluster
let broker: Broker
beforeAll(async () => {
  cluster = await startNatsCluster(2)
  broker = await startJwtBroker({
    servers: cluster.servers,
    operatorSeed: cluster.auth['operator.seed'],
    systemCreds: cluster.auth['system.creds'],
    log: createLogger({ level: 'error' }),
  })
  await broker.ensureVersion(IDENTITY)
})
afterAll(async () => {
  await broker?.close()
  await cluster?.close()
})

/**
 * @returns what the rogue's client heard of a call within the version, and what the version's
 * component heard of the rogue.
 */
async function heardBy(userInfo: string): Promise<{ readonly rogue: string[]; readonly component: string[] }> {
  const account = deriveVersionKeys(new TextEncoder().encode(cluster.auth['operator.seed']), IDENTITY).account.getPublicKey()
  const rogue = await startPlainNatsServer([
    'server_name: rogue',
    `cluster { name: weaver-nats, listen: "127.0.0.1:-1", routes: ["nats://${userInfo}${cluster.routes[0]}"] }`,
    `accounts { ${account}: { users: [{ user: x, password: x }] } }`,
  ])
  const member = (group: string) =>
    broker.groupCredentials(IDENTITY, group).then((creds) =>
      connect({
        servers: [cluster.servers[1] ?? ''],
        authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
        ignoreClusterUpdates: true,
      }),
    )
  const heard = { rogue: [] as string[], component: [] as string[] }
  const cart = await member('cart')
  const front = await member('front')
  const attacker = await connect({ servers: [rogue.url], user: 'x', pass: 'x', ignoreClusterUpdates: true })
  try {
    cart.subscribe(SUBJECT, { callback: (_, message) => void heard.component.push(message.string()) })
    attacker.subscribe('wv.>', { callback: (_, message) => void heard.rogue.push(message.string()) })
    await Promise.all([cart.flush(), attacker.flush()])
    // A route that is let in is up within a second, and subscriptions cross it at once.
    for (let i = 0; i < 20; i++) {
      front.publish(SUBJECT, new TextEncoder().encode('private'))
      attacker.publish(SUBJECT, new TextEncoder().encode('forged'))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return heard
  } finally {
    await Promise.all([cart.close(), front.close(), attacker.close()])
    await rogue.close()
  }
}

it('is let in by nobody who does not know the password of the routes', async () => {
  for (const userInfo of ['', 'weaver:guess@']) {
    const { rogue, component } = await heardBy(userInfo)
    expect(rogue.filter((text) => text !== 'forged')).toEqual([])
    expect(new Set(component)).toEqual(new Set(['private'])) // the version itself works on
  }
})

it('would hear and say everything with that password: this test can fail', async () => {
  const { rogue, component } = await heardBy(`weaver:${cluster.auth['route.password']}@`)
  expect(rogue).toContain('private')
  expect(component).toContain('forged')
})
