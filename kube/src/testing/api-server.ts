import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { KINDS } from '../api/kinds.js'
import type { KubeObject } from '../api/kube-api.js'
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../api/kube-client.js'
import { kubeConfigOf } from './kube-config-of.js'

/**
 * A real kube-apiserver with a real etcd on loopback, with the WeaverApp CRD. No controller and no
 * kubelet run there.
 */
export interface ApiServer {
  readonly url: string
  /** Of the cluster admin. */
  readonly config: KubeConfig
  /** As cluster admin. */
  readonly api: KubeClient
  /** Bearer tokens: `admin` may do everything, `nobody` may do nothing. */
  readonly tokens: Readonly<Record<'admin' | 'nobody', string>>
  /** Teaches it the kind WeaverApp. */
  installCrd(): Promise<void>
  close(): Promise<void>
}
export interface ApiServerOptions {
  /** @default true */
  readonly withCrd?: boolean
  /** Of `api`. */
  readonly client?: Partial<Pick<KubeClientOptions, 'fieldManager' | 'remedyOf'>>
}

const CRD = new URL('../../../crds/weaver.dev_weaverapps.yaml', import.meta.url)

/** @throws Error when `KUBEBUILDER_ASSETS` names no folder with `kube-apiserver` and `etcd`. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const assets = process.env['KUBEBUILDER_ASSETS'] ?? ''
  for (const binary of ['kube-apiserver', 'etcd'])
    if (!existsSync(join(assets, binary)))
      throw new Error(
        `KUBEBUILDER_ASSETS ("${assets}") has no ${binary}; run \`make test\`, which builds it, or \`export KUBEBUILDER_ASSETS="$(e2e/cluster/cluster.sh bin)"\``,
      )
  const folder = await mkdtemp(join(tmpdir(), 'weaver-api-'))
  const children: ChildProcess[] = []
  const start = (binary: string, args: readonly string[]): void => {
    const child = spawn(join(assets, binary), args, { stdio: 'ignore' })
    children.push(child)
  }
  const close = async (): Promise<void> => {
    await api?.close()
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  }
  let api: KubeClient | undefined
  try {
    const [etcdPort, etcdPeer, port] = await freePorts(3)
    const etcd = `http://127.0.0.1:${etcdPort}`
    const tokens = { admin: randomBytes(16).toString('hex'), nobody: randomBytes(16).toString('hex') }
    await mkdir(join(folder, 'certs'))
    await writeFile(join(folder, 'tokens.csv'), `${tokens.admin},admin,admin,system:masters\n${tokens.nobody},nobody,nobody\n`)
    const { generateKeyPairSync } = await import('node:crypto')
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    await writeFile(join(folder, 'sa.key'), pair.privateKey)
    await writeFile(join(folder, 'sa.pub'), pair.publicKey)
    start('etcd', [
      `--data-dir=${folder}/etcd`, '--unsafe-no-fsync', `--listen-client-urls=${etcd}`, `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${etcdPeer}`, `--initial-advertise-peer-urls=http://127.0.0.1:${etcdPeer}`, `--initial-cluster=default=http://127.0.0.1:${etcdPeer}`,
    ]) // prettier-ignore
    start('kube-apiserver', [
      `--etcd-servers=${etcd}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${folder}/certs`, `--token-auth-file=${folder}/tokens.csv`,
      '--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24', '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${folder}/sa.pub`, `--service-account-signing-key-file=${folder}/sa.key`, '--disable-admission-plugins=ServiceAccount',
    ]) // prettier-ignore
    const url = `https://127.0.0.1:${port}`
    const config = kubeConfigOf(url, tokens.admin)
    // A test waits for its answers, however busy the machine is.
    api = createKubeClient({ config, timeoutMs: 120_000, fieldManager: 'weaver-test', ...options.client })
    const ready = api
    // The API server creates the default namespace last.
    await until(
      'the API server',
      async () => (await ready.get(KINDS.namespaces, '', 'default', { timeoutMs: 1000 })) !== undefined,
      children,
    )
    const installCrd = async (): Promise<void> => {
      const crd = parse(await readFile(CRD, 'utf8')) as KubeObject // ours
      await ready.apply(KINDS.customResourceDefinitions, crd, { timeoutMs: 60_000 })
      // The API server serves a resource of a CRD a moment before it says that the CRD is
      // established.
      await until(
        'the WeaverApp CRD',
        async () =>
          isEstablished(await ready.get<CustomResourceDefinition>(KINDS.customResourceDefinitions, '', crd.metadata.name)) &&
          (await ready.list(KINDS.weaverApps, { namespace: 'default' })).items.length === 0,
        children,
      )
    }
    if (options.withCrd !== false) await installCrd()
    return { url, config, api, tokens, installCrd, close }
  } catch (error) {
    await close()
    throw error
  }
}

type CustomResourceDefinition = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

function isEstablished(crd: CustomResourceDefinition | undefined): boolean {
  return crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false
}

async function until(what: string, probe: () => Promise<boolean>, children: readonly ChildProcess[]): Promise<void> {
  const limit = Date.now() + 240_000
  let last: unknown
  while (Date.now() < limit) {
    const dead = children.find((child) => child.exitCode !== null)
    if (dead !== undefined) throw new Error(`${dead.spawnfile} ended with ${dead.exitCode} while waiting for ${what}`)
    try {
      if (await probe()) return
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`gave up waiting for ${what}`, { cause: last })
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { readonly port: number } // a TCP server that listens has one
      server.close()
      await once(server, 'close')
      return port
    }),
  )
}
