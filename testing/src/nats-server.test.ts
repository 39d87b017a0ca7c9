import { startNatsServer } from './nats-server.js'

it('where there is no nats-server the error says what to do', async () => {
  await expect(startNatsServer({ program: 'no-such-nats-server' })).rejects.toMatchObject({
    code: 'WEAVER_TEST',
    message:
      'the test needs a broker, and "no-such-nats-server" cannot be started: spawn no-such-nats-server ENOENT. Install it where the PATH finds it (https://github.com/nats-io/nats-server/releases), or give `natsUrl` of one that runs.',
  })
})
