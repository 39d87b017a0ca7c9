import type { Broker } from '../broker/broker.js'
import { createMetrics } from './metrics.js'
import { createFakeBroker } from '../testing/fake-broker.js'
import { parseArguments } from './arguments.js'
import { createDeferredBroker } from './deferred-broker.js'
import { parseEnvironment } from './environment.js'
import { startHttpServer } from './http-server.js'

const COMPLETE = {
  WEAVER_NAMESPACE: 'weaver-system',
  POD_NAME: 'op-1',
  WEAVER_NATS_SERVERS: 'nats://a:4222, nats://b:4222',
  WEAVER_PROXY_IMAGE: 'haproxy',
}

describe('environment of the operator', () => {
  it('takes defaults for what is not set', () => {
    expect(parseEnvironment(COMPLETE)).toEqual({
      namespace: 'weaver-system',
      identity: 'op-1',
      watchNamespaces: [],
      natsServers: ['nats://a:4222', 'nats://b:4222'],
      nats: { mode: 'shared-account' },
      proxyImage: 'haproxy',
      proxyFailOpenSeconds: 120,
      metrics: { host: '0.0.0.0', port: 8080 },
      logLevel: 'info',
    })
    expect(parseEnvironment({ ...COMPLETE, WEAVER_NATS_AUTH_DIR: '/auth', WEAVER_WATCH_NAMESPACES: 'a,b' })).toMatchObject({
      nats: { mode: 'account-per-version', authDirectory: '/auth' },
      watchNamespaces: ['a', 'b'],
    })
  })

  it('names every problem at once, with what to set', () => {
    expect(() => parseEnvironment({ WEAVER_NATS_SERVERS: 'nats:4222', WEAVER_LOG_LEVEL: 'loud', WEAVER_METRICS_ADDRESS: '8080' })).toThrow(
      /WEAVER_NAMESPACE is not set; .*POD_NAME is not set; .*"nats:4222" is not a broker URL; .*WEAVER_PROXY_IMAGE is not set; .*"loud"; use one of .*"8080"; write it as host:port/,
    )
  })
})

describe('command line of the operator', () => {
  it.each([
    [[], { kind: 'run' }],
    [['--version'], { kind: 'version' }],
    [['keygen', '--help'], { kind: 'help' }],
    [['keygen', '--secret', 's', '--namespace=n'], { kind: 'keygen', secret: 's', namespace: 'n' }],
    [['keygen', '--secret'], { kind: 'mistake', message: expect.stringContaining('--secret needs a value') }],
    [['keygen', '--secret', 's'], { kind: 'mistake', message: expect.stringContaining('--namespace NS') }],
    [['--port', '1'], { kind: 'mistake', message: expect.stringContaining('"--port" is not understood') }],
  ])('understands %j', (args, command) => {
    expect(parseArguments(args as string[])).toEqual(command)
  })
})

describe('broker that is not up yet', () => {
  it('refuses with a clear error, and hands over what was asked meanwhile', async () => {
    let connected: (broker: Broker) => void = () => undefined
    const fake = createFakeBroker()
    const told: unknown[] = []
    const broker = createDeferredBroker(
      { isolation: 'account-per-version', servers: ['nats://n:4222'] },
      () => new Promise((resolve) => (connected = resolve)),
      () => undefined,
    )
    const identity = { appUid: 'u', versionId: 'v', deploymentId: 'd', groups: [], layout: 2 } as const
    broker.onReconnect(() => [identity])
    await expect(broker.ensureVersion(identity)).rejects.toMatchObject({
      code: 'WEAVER_BROKER_NOT_CONNECTED',
      message: expect.stringContaining('nats://n:4222'),
    })
    connected({ ...fake, onReconnect: (versions) => void told.push(...versions()) })
    await new Promise((resolve) => setImmediate(resolve))
    await broker.ensureVersion(identity)
    expect([...fake.accounts]).toEqual(['v'])
    expect(told).toEqual([identity])
  })
})

describe('HTTP server of the operator', () => {
  it('is alive at once, ready when the caches are, and serves metrics', async () => {
    let isReady = false
    const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics: () => createMetrics().text(), isReady: () => isReady })
    const get = async (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`)
    try {
      expect((await get('/healthz')).status).toBe(200)
      expect((await get('/readyz')).status).toBe(503)
      isReady = true
      expect((await get('/readyz?verbose')).status).toBe(200)
      expect(await (await get('/metrics')).text()).toContain('process_cpu_seconds_total')
      expect((await get('/')).status).toBe(404)
    } finally {
      await server.close()
    }
  })
})
