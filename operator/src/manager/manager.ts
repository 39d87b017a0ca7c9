/**
 * Runs the reconciler: caches warm from the start, work only while this process leads.
 *
 * I1  A key is worked on by one worker at a time (the queue's promise), and only between `acquired`
 *     and the loss of the lease.
 * I2  After the lease is lost nothing more is done: `onLost` is called once, and the owner ends the
 *     process.
 * I3  Close order: no new keys, running ones end, the control of versions ends, events are written,
 *     the lease is released, watches end. Broker, driver and client belong to the caller.
 */
import { systemClock } from '../clock/clock.js'
import { isKubeError, type KubeClient } from '@weaver/kube'
import type { Broker } from '../broker/broker.js'
import { createAppControl } from '../control/app-control.js'
import { createEventRecorder } from '../kube/events.js'
import { startLeaderLease } from '../kube/leader-lease.js'
import { WorkQueue } from '../kube/work-queue.js'
import type { Logger } from '../log/logger.js'
import { createAppReconciler, type AppKey, type ReconcilerDeps } from '../reconcile/reconcile-app.js'
import type { TrafficDrivers } from '../traffic/drivers.js'
import { startClusterCaches, type ClusterCaches } from './cluster-caches.js'

const LEASE_NAME = 'weaver-operator'
const WORKERS = 4
const CONFLICT_RETRY_MS = 200

export interface ManagerOptions {
  readonly client: KubeClient
  readonly broker: Broker
  readonly drivers: TrafficDrivers
  readonly log: Logger
  /** Namespace of the operator, for its lease. */
  readonly namespace: string
  readonly identity: string
  /** Empty: all. */
  readonly watchNamespaces: readonly string[]
  /** The lease is lost; end the process. */
  readonly onLost: () => void
  readonly onLeading?: (isLeader: boolean) => void
  readonly onStatus?: NonNullable<ReconcilerDeps['onStatus']>
  readonly onRequests?: NonNullable<ReconcilerDeps['onRequests']>
  readonly onRolloutEnd?: NonNullable<ReconcilerDeps['onRolloutEnd']>
  readonly observer?: {
    readonly onPass?: (result: 'success' | 'error', seconds: number) => void
    readonly onDepth?: (depth: number) => void
    readonly onRestart?: (kind: string, reason: string) => void
  }
}
export interface Manager {
  /** True when the caches are filled, whether or not this process leads. */
  readonly isReady: boolean
  readonly isLeader: boolean
  /** Pods of an app's proxy, as the caches have them. */
  readonly proxyPods: ClusterCaches['proxyPods']
  /** A child of an app, as the caches have it. */
  readonly child: ClusterCaches['child']
  /** Idempotent. */
  close(): Promise<void>
}

export function startManager(options: ManagerOptions): Manager {
  const { client, broker, drivers, log, observer = {} } = options
  const events = createEventRecorder({ api: client, instance: options.identity, log })
  let queue: WorkQueue | undefined
  let isReady = false
  const caches = startClusterCaches({
    client,
    namespaces: options.watchNamespaces,
    log,
    onChange: (key) => queue?.add(textOf(key)),
    ...(observer.onRestart === undefined ? {} : { onRestart: observer.onRestart }),
  })
  const control = createAppControl({ api: client, broker, log })
  const reconciler = createAppReconciler({
    api: client,
    view: caches,
    broker,
    drivers,
    control,
    events,
    log,
    clock: systemClock(),
    ...(options.onStatus === undefined ? {} : { onStatus: options.onStatus }),
    ...(options.onRequests === undefined ? {} : { onRequests: options.onRequests }),
    ...(options.onRolloutEnd === undefined ? {} : { onRolloutEnd: options.onRolloutEnd }),
  })
  const lease = startLeaderLease({
    api: client,
    namespace: options.namespace,
    name: LEASE_NAME,
    identity: options.identity,
    log,
    onLost() {
      options.onLeading?.(false)
      options.onLost()
    },
  })
  void lease.acquired.then(() => options.onLeading?.(true))
  void caches.synced.then(() => {
    isReady = true
  })
  let isClosed = false
  void Promise.all([lease.acquired, caches.synced]).then(() => {
    if (isClosed) return
    broker.onReconnect(caches.versions)
    queue = new WorkQueue({
      concurrency: WORKERS,
      work: async (text, signal) => {
        const started = performance.now()
        let result: 'success' | 'error' = 'error'
        try {
          const { requeueAfterMs } = await reconciler.reconcile(keyOf(text), signal)
          result = 'success'
          return requeueAfterMs
        } catch (error) {
          if (!isKubeError(error, 409)) throw error
          // A user wrote meanwhile, or an operator that does not know yet that it was replaced. The
          // next pass reads the new state.
          log.debug('a write met a newer one; the pass begins again', { app: text, err: error })
          return CONFLICT_RETRY_MS
        } finally {
          observer.onPass?.(result, (performance.now() - started) / 1000)
        }
      },
      onError: (key, error, retryMs) => log.warn('a pass failed; it is retried', { app: key, retryMs: Math.round(retryMs), err: error }),
      ...(observer.onDepth === undefined ? {} : { onDepth: observer.onDepth }),
    })
    for (const key of caches.apps()) queue.add(textOf(key))
    log.info('reconciling', { apps: caches.apps().length })
  })

  let closing: Promise<void> | undefined
  return {
    get isReady() {
      return isReady
    },
    get isLeader() {
      return lease.isLeader
    },
    proxyPods: caches.proxyPods,
    child: caches.child,
    close: () =>
      (closing ??= (async () => {
        isClosed = true
        await queue?.close()
        await control.close()
        await events.flush()
        await lease.close()
        await caches.close()
      })()),
  }
}

function textOf({ namespace, name }: AppKey): string {
  return `${namespace}/${name}`
}
function keyOf(text: string): AppKey {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}
