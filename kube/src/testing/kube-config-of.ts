import { KubeConfig } from '@kubernetes/client-node'

/** A kubeconfig of one cluster, whose certificate is not checked, and one user. */
export function kubeConfigOf(server: string, token?: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'test', server, skipTLSVerify: true }],
    users: [token === undefined ? { name: 'user' } : { name: 'user', token }],
    contexts: [{ name: 'test', cluster: 'test', user: 'user' }],
    currentContext: 'test',
  })
  return config
}
