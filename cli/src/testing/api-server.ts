import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { createKubeClient, type KubeClient } from '../deployers/kube/kube-client.js'
import { freePort } from './docker-registry.js'

/** A real kube-apiserver with a real etcd on loopback. No controller, no kubelet and no operator runs there: what those write, a test writes. */
export interface ApiServer {
  /** With the contexts `admin`, who may do everything and is the current one, and `nobody`, who may do nothing. */
  readonly kubeconfig: string
  readonly admin: KubeClient
  /** Teaches it the kind WeaverApp. */
  installCrd(): Promise<void>
  stop(): Promise<void>
}

/** @throws Error when `KUBEBUILDER_ASSETS` names no folder with `kube-apiserver` and `etcd`. */
export async function startApiServer(): Promise<ApiServer> {
  const assets = process.env['KUBEBUILDER_ASSETS'] ?? ''
  if (!existsSync(join(assets, 'kube-apiserver')) || !existsSync(join(assets, 'etcd')))
    throw new Error(`KUBEBUILDER_ASSETS ("${assets}") names no folder with kube-apiserver and etcd; \`make test\` sets it`)
  const folder = await mkdtemp(join(tmpdir(), 'weaver-api-'))
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()].map(String)
  const [key, kubeconfig] = [join(folder, 'sa.key'), join(folder, 'kubeconfig')]
  await writeFile(key, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await writeFile(join(folder, 'tokens.csv'), 'admin-token,admin,admin,system:masters\nnobody-token,nobody,nobody\n')
  const users = ['admin', 'nobody'].map((name) => ({ name, user: { token: `${name}-token` }, context: { cluster: 'test', user: name } }))
  const clusters = [{ name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }]
  await writeFile(kubeconfig, stringify({ clusters, users, contexts: users, 'current-context': 'admin' }))
  const children = [
    ['etcd', `--data-dir=${folder}/etcd --unsafe-no-fsync --listen-client-urls=http://127.0.0.1:${client} --advertise-client-urls=http://127.0.0.1:${client} --listen-peer-urls=http://127.0.0.1:${peer}`],
    ['kube-apiserver', `--etcd-servers=http://127.0.0.1:${client} --bind-address=127.0.0.1 --secure-port=${port} --cert-dir=${folder}/certs --token-auth-file=${folder}/tokens.csv --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --service-account-issuer=https://test --service-account-key-file=${key} --service-account-signing-key-file=${key} --disable-admission-plugins=ServiceAccount`],
  ].map(([binary = '', args = '']) => spawn(join(assets, binary), args.split(' '), { stdio: 'ignore' })) // prettier-ignore
  const admin = await createKubeClient({ kubeconfig, env: {} })
  const until = async (path: string): Promise<void> => {
    for (const deadline = Date.now() + 240_000; ; await sleep(100)) {
      if (await admin.call({ path, what: path }).then(() => true, () => false)) return // prettier-ignore
      if (Date.now() > deadline || children.some((child) => child.exitCode !== null)) throw new Error(`no answer of "${path}"`)
    }
  }
  const stop = async (): Promise<void> => {
    for (const child of children) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  const installCrd = async (): Promise<void> => {
    const body: unknown = parse(await readFile(new URL('../../../crds/weaver.dev_weaverapps.yaml', import.meta.url), 'utf8'))
    await admin.call({ method: 'POST', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body, what: 'CRD' })
    await until('/apis/weaver.dev/v1alpha1/weaverapps')
  }
  // the default namespace is made by the server itself, last of all
  await Promise.all([until('/readyz'), until('/api/v1/namespaces/default')]).catch((e: unknown) => stop().then(() => Promise.reject(e)))
  return { kubeconfig, admin, installCrd, stop }
}
