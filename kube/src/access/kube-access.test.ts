import { once } from 'node:events'
import { createServer } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node'
import { isKubeError } from '../errors/kube-error.js'
import { createKubeRequests } from '../api/kube-request.js'
import { kubeConfigOf } from '../testing/kube-config-of.js'
import { KubeAccess } from './kube-access.js'

const accessOf = (server: string, user: object): KubeAccess => {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server, proxyUrl: 'http://proxy.corp:3128' }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u', namespace: 'shop' }],
    currentContext: 'x',
  })
  return new KubeAccess(config)
}

describe('access to an API server', () => {
  it.each([
    ['a token', { token: 't0k' }, { Authorization: 'Bearer t0k' }],
    ['basic authentication', { username: 'ann', password: 'secret' }, { authorization: `Basic ${btoa('ann:secret')}` }],
    ['impersonation', { impersonateUser: 'bob' }, { 'Impersonate-User': 'bob' }],
  ])('%s becomes a header', async (_, user, headers) => {
    const access = accessOf('https://kube.corp:6443/', user)
    expect((await access.current()).headers).toEqual(headers)
    expect(access).toMatchObject({ server: 'https://kube.corp:6443', namespace: 'shop', proxyUrl: 'http://proxy.corp:3128' })
  })

  it('sends no credentials over plain HTTP', async () => {
    expect(await accessOf('http://127.0.0.1:8001', { token: 't0k', username: 'ann', password: 'secret' }).current()).toEqual({
      headers: {},
    })
  })

  it('an exec plugin that fails is told from an API server that does not answer, and runs again for the next call', async () => {
    const access = accessOf('https://127.0.0.1:1', {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nonexistent/plugin', interactiveMode: 'Never' },
    })
    for (let i = 0; i < 2; i++) {
      const error: unknown = await createKubeRequests(access)
        .json({ path: '/api', what: 'discovery' })
        .catch((e: unknown) => e)
      expect(isKubeError(error) && [error.status, error.reason]).toEqual([0, 'NoCredentials'])
      expect(error).toMatchObject({ message: expect.stringContaining('/nonexistent/plugin') })
    }
  })

  it('a server that falls silent in the middle of an answer is an error also where only silence is limited', async () => {
    const server = createServer((_, answer) => void answer.writeHead(200).write('{"items": [')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
    const requests = createKubeRequests(new KubeAccess(kubeConfigOf(`http://127.0.0.1:${port}`)), { limits: 'silence', timeoutMs: 100 })
    try {
      await expect(requests.answer({ path: '/api', what: 'discovery' })).rejects.toMatchObject({ status: 0, reason: 'Timeout' })
    } finally {
      await requests.close()
      server.closeAllConnections()
      server.close()
    }
  })
})
