/** Needs the `haproxy` program: its own checker judges the text. */
import { checkConfig } from '../../testing/proxy-process.js'
import { ensureCertificates } from './certificates.js'
import { configHash, listenersOf, proxyListeners, renderProxyFiles } from './haproxy-config.js'
import type { TrafficAffinity } from '../driver.js'
import { emptyState, type ProxyState } from './slots.js'

const bound: ProxyState = {
  ...emptyState(),
  listeners: {
    lis: {
      slots: {
        s1: { versionId: 'v1', deploymentId: 'web-v1', service: { host: '10.96.0.7', port: 80 } },
        s2: { versionId: 'v2', deploymentId: 'web-v2' },
        s3: { versionId: 'v0', deploymentId: 'web-v0', service: { host: '10.96.0.6', port: 80 }, leaving: true },
      },
      weights: { v1: 90, v2: 10 },
    },
  },
}

it.each([
  [['lis']],
  [['admin', 'lis']],
  [['health', 'split', 'weaver', 'in', 'a-name-of-forty-characters-is-the-limit-xx']],
  [Array.from({ length: 50 }, (_, i) => `l${i}`)],
])('HAProxy accepts the files of listeners %j', async (names) => {
  const tls = { ...(await ensureCertificates(undefined, Date.now())) }
  const output = await checkConfig({ config: renderProxyFiles(proxyListeners(names), bound, 120), tls })
  expect(output).not.toMatch(/ALERT|WARNING/)
})

it('HAProxy accepts as many hosts as a listener may have', async () => {
  const hosts = Array.from({ length: 32 }, (_, i) => `${i % 2 === 0 ? '' : '*.'}h${i}.example.com`)
  const app = { namespace: 'shop', name: 'web', uid: 'u', replicas: 2 }
  const listeners = listenersOf({ app, listeners: [{ listener: { name: 'lis', port: 80, hosts }, backends: [], weights: {} }] })
  expect(listeners[0]?.hosts).toHaveLength(36)
  const tls = { ...(await ensureCertificates(undefined, Date.now())) }
  const output = await checkConfig({ config: renderProxyFiles(listeners, bound, 120), tls })
  expect(output).not.toMatch(/ALERT|WARNING/)
  expect(configHash(listeners, 120)).not.toBe(configHash(proxyListeners(['lis']), 120))
})

const AFFINITIES: readonly TrafficAffinity[] = [
  { mode: 'monotone', maxAgeSeconds: 60 },
  { mode: 'newSessionsOnly', maxAgeSeconds: 60 },
  { mode: 'monotone', key: { header: 'X-User' }, carriers: [], maxAgeSeconds: 60 },
  { mode: 'newSessionsOnly', key: { cookie: 'session' }, carriers: ['cookie'], maxAgeSeconds: 60 },
]
it.each(AFFINITIES)('HAProxy accepts the affinity %j', async (affinity) => {
  const app = { namespace: 'shop', name: 'web', uid: 'u', replicas: 2 }
  const listeners = listenersOf({ app, affinity, listeners: [{ listener: { name: 'lis', port: 80 }, backends: [], weights: {} }] })
  const tls = { ...(await ensureCertificates(undefined, Date.now())) }
  const output = await checkConfig({ config: renderProxyFiles(listeners, bound, 120), tls })
  expect(output).not.toMatch(/ALERT|WARNING/)
  expect(configHash(listeners, 120)).not.toBe(configHash(proxyListeners(['lis']), 120))
})

it('names bound versions in every file, leaving ones in none', () => {
  const files = renderProxyFiles(proxyListeners(['lis']), bound, 120)
  expect(files['plan.map']).toContain('lis lis_s1:9000:lis_s2:10000:lis_s2:10000:lis_s2\n')
  expect(files['slots.map']).toContain('lis_s1 web-v1\nlis_s2 web-v2\nlis_s3 -\nlis_s4 -\n')
  expect(files['versions.map']).toContain('lis_s1 v1\nlis_s2 v2\nlis_s3 -\nlis_s4 -\n')
  expect(files['preview-lis.map']).toContain('v1 lis_s1\nv2 lis_s2\n')
  expect(files['gate.map']).toContain('confirmed 0\n')
  expect(files['haproxy.cfg']).toContain('server svc 10.96.0.7:80 backup\n')
  expect(JSON.stringify(files)).not.toMatch(/v0|10\.96\.0\.6/)
})

it('changes its hash with the listeners, and with nothing that is changed in the running process', () => {
  const hash = (names: readonly string[], failOpen = 120) => configHash(proxyListeners(names), failOpen)
  expect(hash(['b', 'a'])).toBe(hash(['a', 'b']))
  expect(hash(['a'])).not.toBe(hash(['a', 'b']))
  expect(hash(['a'], 60)).not.toBe(hash(['a']))
})
