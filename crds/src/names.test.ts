import { createHash } from 'node:crypto'
import { sha256, shortHash } from './hash.js'
import {
  componentGroupName,
  deploymentId,
  networkPolicyName,
  describePodName,
  leaderLeaseName,
  listenerServiceName,
  proxyName,
  proxySecretName,
  revisionName,
  stableServiceName,
  workloadName,
  workloadSecretName,
} from './names.js'

const DNS_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const V = 'k3f9a2b1'

describe('names of Kubernetes objects', () => {
  it('are the documented ones while they fit', () => {
    expect([
      deploymentId({ name: 'hello', uid: 'u-1' }, V),
      networkPolicyName('hello', V),
      revisionName('hello', V),
      workloadName('hello', 'reverser', V),
      workloadSecretName('hello', 'reverser', V),
      listenerServiceName('hello', 'lis', V),
      stableServiceName('hello', 'lis'),
      leaderLeaseName('hello', 'shop/Foreman'),
      leaderLeaseName('hello', 'shop/Foreman', V),
      proxyName('hello'),
      proxySecretName('hello'),
      describePodName('hello', V),
    ]).toEqual([
      expect.stringMatching(/^hello-k3f9a2b1-[a-z0-9]{6}$/),
      'hello-k3f9a2b1',
      'hello-k3f9a2b1',
      'hello-reverser-k3f9a2b1',
      'hello-reverser-k3f9a2b1-nats',
      'hello-lis-k3f9a2b1',
      'hello-lis',
      'hello-shop-foreman-leader-k8f2yf',
      'hello-shop-foreman-leader-k8f2yf-k3f9a2b1',
      'hello-proxy',
      'hello-proxy-tls',
      'hello-k3f9a2b1-describe',
    ])
  })

  it('tell two apps of one name and one spec apart where a broker serves both', () => {
    expect(deploymentId({ name: 'hello', uid: 'u-1' }, V)).not.toBe(deploymentId({ name: 'hello', uid: 'u-2' }, V))
  })

  it('are valid and at most 63 characters whatever the length of the parts, and never collide', () => {
    const seen = new Map<string, string>()
    for (const appLength of [1, 20, 40, 41, 53, 54, 62, 63])
      for (const partLength of [1, 10, 20, 39, 40])
        for (const tail of ['x', 'y']) {
          const app = `${'a'.repeat(appLength - 1)}${tail}`
          const part = `${'g'.repeat(partLength - 1)}${tail}`
          const made = {
            [`deployment ${app}`]: deploymentId({ name: app, uid: 'u-1' }, V),
            [`workload ${app} ${part}`]: workloadName(app, part, V),
            [`leader ${app} ${part}`]: leaderLeaseName(app, part),
            [`leader of a version ${app} ${part}`]: leaderLeaseName(app, part, V),
            [`secret ${app} ${part}`]: workloadSecretName(app, part, V),
            [`stable ${app} ${part}`]: stableServiceName(app, part),
            [`describe ${app}`]: describePodName(app, V),
            [`proxy ${app}`]: proxyName(app),
            [`tls ${app}`]: proxySecretName(app),
          }
          for (const [what, name] of Object.entries(made)) {
            expect(name).toMatch(DNS_1035)
            expect(name.length).toBeLessThanOrEqual(63)
            expect(seen.get(name) ?? what).toBe(what)
            seen.set(name, what)
          }
        }
  })

  it('keep the version id readable when they are cut', () => {
    const name = workloadName('a'.repeat(63), 'g'.repeat(40), V)
    expect(name).toHaveLength(63)
    expect(name.endsWith(`-${V}`)).toBe(true)
    expect(workloadName('a'.repeat(63), 'g'.repeat(40), V)).toBe(name)
  })

  it('do not leave two dashes or a dash at an end where a name is cut', () => {
    const name = workloadName(`${'a'.repeat(44)}-----------`, 'group', V)
    expect(name).toMatch(/^a{44}-[0-9a-z]{6}-k3f9a2b1$/)
  })
})

describe('the group of a component that no group names', () => {
  it.each([
    ['httpserver/Reverser', 'reverser'],
    ['weaver/Main', 'main'],
    ['Cart', 'cart'],
    ['shop/Cart_v2.Store', 'cart-v2-store'],
    ['shop/2Fast', 'c-2fast'],
    ['shop/---', 'component'],
  ])('%s is %s', (component, group) => expect(componentGroupName(component)).toBe(group))

  it('gets a hash where the plain name is taken or too long, and stays a label of at most 40', () => {
    const one = componentGroupName('a/Store', ['store'])
    const two = componentGroupName('b/Store', ['store'])
    expect(one).toMatch(/^store-[0-9a-z]{6}$/)
    expect(two).not.toBe(one)
    const long = componentGroupName(`a/${'X'.repeat(190)}`)
    expect(long).toHaveLength(40)
    expect(long).toMatch(DNS_1035)
    expect(componentGroupName(`b/${'X'.repeat(190)}`)).not.toBe(long)
  })
})

describe('the hash', () => {
  it('is SHA-256, at every length around the block border', () => {
    for (let length = 0; length < 200; length++) {
      const text = 'ä'.repeat(length)
      expect(Buffer.from(sha256(text)).toString('hex')).toBe(createHash('sha256').update(text).digest('hex'))
    }
  })

  it('gives 100000 different ids for 100000 texts, all starting with a letter', () => {
    const ids = new Set(Array.from({ length: 100_000 }, (_, i) => shortHash(`spec ${i}`, 8)))
    expect(ids.size).toBe(100_000)
    for (const id of ids) if (!/^[a-z][0-9a-z]{7}$/.test(id)) throw new Error(`"${id}" is no id`)
  })
})
