import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApiServer as start } from '@weaver/kube/testing'
import { stringify } from 'yaml'
import { createKubeClient, type KubeClient } from '../deployers/kube/kube-client.js'

/**
 * A real kube-apiserver with a real etcd on loopback. No controller, no kubelet and no operator
 * runs there: a test writes what those would write.
 */
export interface ApiServer {
  /**
   * With the contexts `admin`, who may do everything and is the current one, and `nobody`, who may
   * do nothing.
   */
  readonly kubeconfig: string
  readonly admin: KubeClient
  /** Installs the kind WeaverApp. */
  installCrd(): Promise<void>
  stop(): Promise<void>
}

/** @throws Error when `KUBEBUILDER_ASSETS` names no folder with `kube-apiserver` and `etcd`. */
export async function startApiServer(): Promise<ApiServer> {
  const { url, tokens, installCrd, close } = await start({ withCrd: false })
  const folder = await mkdtemp(join(tmpdir(), 'weaver-kubeconfig-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const users = Object.entries(tokens).map(([name, token]) => ({ name, user: { token }, context: { cluster: 'test', user: name } }))
  const clusters = [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }]
  await writeFile(kubeconfig, stringify({ clusters, users, contexts: users, 'current-context': 'admin' }))
  const admin = await createKubeClient({ kubeconfig, env: {} })
  const stop = async (): Promise<void> => {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
  return { kubeconfig, admin, installCrd, stop }
}
