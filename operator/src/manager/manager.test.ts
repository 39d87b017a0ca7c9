import { parseArguments } from './arguments.js'
import { parseEnvironment } from './environment.js'

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
      /WEAVER_NAMESPACE is not set; .*POD_NAME is not set; .*"nats:4222" is no broker URL; .*WEAVER_PROXY_IMAGE is not set; .*"loud"; use one of .*"8080"; write it as host:port/,
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
