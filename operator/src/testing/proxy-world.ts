/** A driver, its proxies and its pods on loopback, for tests: what kubelet and endpoint controller would do is done by hand here. */
import { proxyName, proxySecretName } from '@weaver/crds'
import { setTimeout as sleep } from 'node:timers/promises'
import { KINDS } from '@weaver/kube'
import { createLogger } from '../log/logger.js'
import { createProxyDriver, type ProxyDriverOptions, type ProxyPod } from '../traffic/proxy/proxy-driver.js'
import type { TrafficAffinity, TrafficDriver, TrafficObservation, TrafficPlan } from '../traffic/driver.js'
import { createMemoryKube, type MemoryKube } from './memory-kube.js'
import { startProxyProcess, type ProxyFiles, type ProxyProcess } from './proxy-process.js'
import { startVersionPod, type VersionPod } from './version-pods.js'

const APP = { namespace: 'shop', name: 'web', uid: 'app-uid', replicas: 2 }

export interface ProxyWorld {
  readonly kube: MemoryKube
  readonly proxies: ProxyProcess[]
  /** Pods by version; what the EndpointSlices would say is each pod's `view`. */
  readonly pods: Record<string, VersionPod[]>
  /** Overrides of what the slices say of a pod, by pod name. */
  readonly slices: Record<string, Partial<TrafficPlan['listeners'][number]['backends'][number]['pods'][number]> | 'gone'>
  readonly log: string[]
  /** Hosts that the listener answers for; empty: all. */
  hosts: readonly string[]
  affinity: TrafficAffinity | undefined
  readonly driver: TrafficDriver
  /** Operator restart: a new driver that knows nothing. */
  restartOperator(options?: Partial<ProxyDriverOptions>): Promise<void>
  plan(weights: Readonly<Record<string, number>>, versions?: readonly string[]): TrafficPlan
  sync(weights: Readonly<Record<string, number>>, versions?: readonly string[]): Promise<TrafficObservation>
  /** Syncs until in sync with the weights; at most 15 s. */
  settle(weights: Readonly<Record<string, number>>, versions?: readonly string[]): Promise<TrafficObservation>
  startProxies(count: number): Promise<void>
  addPod(version: string): Promise<VersionPod>
  files(): ProxyFiles
  close(): Promise<void>
}

/** @param net second byte of the loopback addresses, so that test files do not meet: 127.net.0.x are proxies, 127.net.1.x pods. */
export function createProxyWorld(net: number, options: Partial<ProxyDriverOptions> = {}): ProxyWorld {
  const kube = createMemoryKube()
  const log: string[] = []
  let podCount = 0
  const newDriver = (more: Partial<ProxyDriverOptions> = {}) =>
    createProxyDriver({
      kube,
      image: 'haproxy:2.6',
      proxyPods: () => Promise.all(world.proxies.filter((p) => p.isRunning()).map((p): Promise<ProxyPod> => p.pod())),
      log: createLogger({ level: 'debug', write: (line) => void log.push(line) }),
      ...options,
      ...more,
    })
  let driver = newDriver()
  const world: ProxyWorld = {
    kube,
    proxies: [],
    pods: {},
    slices: {},
    hosts: [],
    affinity: undefined,
    log,
    get driver() {
      return driver
    },
    async restartOperator(more) {
      await driver.close()
      driver = newDriver(more)
    },
    plan(weights, versions = Object.keys(world.pods)) {
      return {
        app: APP,
        versions,
        weights,
        ...(world.affinity === undefined ? {} : { affinity: world.affinity }),
        listeners: [
          {
            listener: { name: 'lis', port: 80, hosts: world.hosts },
            weights,
            backends: versions.map((v) => ({
              versionId: v,
              deploymentId: `web-${v}`,
              serviceHost: `web-lis-${v}.shop.svc`,
              servicePort: 8080,
              pods: (world.pods[v] ?? []).flatMap(({ view }) => {
                const slice = world.slices[view.name]
                return slice === 'gone' ? [] : [{ ...view, ...slice }]
              }),
            })),
          },
        ],
      }
    },
    async sync(weights, versions) {
      return driver.sync(world.plan(weights, versions))
    },
    async settle(weights, versions) {
      let seen: TrafficObservation | undefined
      for (const until = Date.now() + 240_000; Date.now() < until;) {
        seen = await world.sync(weights, versions)
        if (seen.inSync) return seen
        await sleep(100)
      }
      throw new Error(`not in sync after four minutes: ${JSON.stringify(seen)}; log: ${log.slice(-5).join('')}`)
    },
    async startProxies(count) {
      for (let i = 0; i < count; i++) {
        const n = world.proxies.length + 1
        world.proxies.push(await startProxyProcess(`web-proxy-${n}`, `127.${net}.0.${n}`, world.files()))
      }
    },
    async addPod(version) {
      podCount += 1
      const pod = await startVersionPod(`web-main-${version}-${podCount}`, `127.${net}.1.${podCount}`, `web-${version}`)
      world.pods[version] = [...(world.pods[version] ?? []), pod]
      if (world.pods[version]?.length === 1)
        // The cluster address of a Service: here, its first pod.
        kube.put(KINDS.services, {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: `web-lis-${version}`, namespace: APP.namespace },
          spec: { clusterIP: pod.view.ip },
        })
      return pod
    },
    files() {
      const config = kube.find(KINDS.configMaps, APP.namespace, proxyName(APP.name))
      const secret = kube.find(KINDS.secrets, APP.namespace, proxySecretName(APP.name))
      const texts = (secret?.['data'] ?? {}) as Record<string, string> // written by the driver
      return {
        config: { ...(config?.['data'] as Record<string, string>) },
        tls: Object.fromEntries(Object.entries(texts).map(([k, v]) => [k, Buffer.from(v, 'base64').toString()])),
      }
    },
    async close() {
      await driver.close()
      await Promise.all(world.proxies.map((p) => p.stop()))
      await Promise.all(Object.values(world.pods).flatMap((pods) => pods.map((p) => p.close())))
    },
  }
  return world
}
