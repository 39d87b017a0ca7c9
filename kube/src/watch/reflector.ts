/**
 * Keeps a store equal to the API server's state, by list and watch. client-node's informer is not
 * used: it loops without delay on a closed watch, stops for good on a reset, hangs on a silent peer
 * and swallows errors.
 *
 * I1  Whatever ends a watch, the next attempt waits: back-off with jitter, reset only after a watch
 *     that lasted.
 * I2  After every relist the store equals the list, so a missed delete is found there.
 * I3  A silent connection is cut after `idleMs`; a live one delivers a bookmark about every minute.
 * I4  A handler that throws is logged; nothing stops.
 */
import type { KubeObject, ResourceKind } from '../api/kube-api.js'
import type { KubeClient } from '../api/kube-client.js'
import { isKubeError, KubeError } from '../errors/kube-error.js'
import { Backoff } from './backoff.js'
import { keyOf, Store, type StoreView } from './store.js'
import { watchLines } from './watch-lines.js'

type Report = (message: string, fields?: Readonly<Record<string, unknown>>) => void
export type ReflectorLog = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Report>>

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly kind: ResourceKind
  /** Absent: all namespaces. */
  readonly namespace?: string
  readonly labelSelector?: string
  /** Keep the metadata alone. */
  readonly metadataOnly?: boolean
  /** The label that the store indexes. */
  readonly indexLabel: string
  readonly log: ReflectorLog
  /**
   * Called after the store changed, with the current object, or the last known one when
   * `isDeleted`.
   */
  readonly onChange: (object: T, isDeleted: boolean) => void
  /** Called each time the watch has to be reopened, with the reason. */
  readonly onRestart?: (reason: string) => void
  /** @default 120000 */
  readonly idleMs?: number
  /** @default 500 */
  readonly firstBackoffMs?: number
}
export interface Reflector<T extends KubeObject> {
  readonly store: StoreView<T>
  /** Resolves when the first list is in the store. */
  readonly synced: Promise<void>
  /** When the last event or bookmark arrived, by `performance.now()`. */
  readonly lastHeardAt: number
  close(): Promise<void>
}

const HEALTHY_MS = 10_000
const MOST_BACKOFF_MS = 30_000

interface WatchEvent {
  readonly type: string
  readonly object: KubeObject & { readonly code?: number; readonly reason?: string; readonly message?: string }
}

export function startReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, kind, log } = options
  const store = new Store<T>(options.indexLabel)
  const stop = new AbortController()
  const backoff = new Backoff({ firstMs: options.firstBackoffMs ?? 500, mostMs: MOST_BACKOFF_MS })
  const scope = {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
    ...(options.metadataOnly === true ? { metadataOnly: true } : {}),
  }
  let lastHeardAt = performance.now()
  /** Resource version from which the next watch continues; `undefined`: list first. */
  let position: string | undefined
  let markSynced: () => void
  const synced = new Promise<void>((resolve) => (markSynced = resolve))

  const notify = (object: T, isDeleted: boolean): void => {
    try {
      options.onChange(object, isDeleted)
    } catch (error) {
      log.error('a change handler failed', { kind: kind.kind, object: keyOf(object), err: error }) // I4
    }
  }

  /** I2 */
  const relist = async (): Promise<void> => {
    const { items, resourceVersion } = await client.list<T>(kind, { ...scope, signal: stop.signal, timeoutMs: 30_000 })
    const seen = new Set(items.map(keyOf))
    for (const old of store.all())
      if (!seen.has(keyOf(old))) {
        store.delete(keyOf(old))
        notify(old, true)
      }
    for (const item of items) {
      const isSame =
        store.get(item.metadata.namespace ?? '', item.metadata.name)?.metadata.resourceVersion === item.metadata.resourceVersion
      store.set(item)
      if (!isSame) notify(item, false)
    }
    lastHeardAt = performance.now()
    position = resourceVersion
    markSynced()
  }

  /** Follows one watch to its end; `position` moves with it. */
  const follow = async (from: string): Promise<void> => {
    // An abort that has already happened fires no event: `close` may have been called while
    // `synced` resolved.
    if (stop.signal.aborted) return
    const cut = new AbortController()
    const end = (): void => cut.abort()
    stop.signal.addEventListener('abort', end, { once: true })
    const idleMs = options.idleMs ?? 120_000
    lastHeardAt = performance.now()
    const idle = setInterval(
      () => {
        if (performance.now() - lastHeardAt > idleMs)
          cut.abort(new KubeError(`watch ${kind.plural}`, { status: 0, reason: 'Silent', message: `silent for ${idleMs} ms` })) // I3
      },
      Math.max(50, idleMs / 4),
    )
    try {
      const chunks = await client.watch(kind, {
        ...scope,
        resourceVersion: from,
        timeoutSeconds: 300 + Math.floor(Math.random() * 300),
        signal: cut.signal,
      })
      for await (const line of watchLines(chunks)) {
        lastHeardAt = performance.now()
        const event = JSON.parse(line) as WatchEvent
        if (event.type === 'ERROR') {
          const { code = 0, reason = 'Unknown', message = '' } = event.object
          throw new KubeError(`watch ${kind.plural}`, { status: code, reason, message })
        }
        const object = event.object as unknown as T // of the kind that is watched
        position = object.metadata.resourceVersion ?? position
        if (event.type === 'BOOKMARK') continue
        if (event.type === 'DELETED') store.delete(keyOf(object))
        else store.set(object)
        notify(object, event.type === 'DELETED')
      }
    } catch (error) {
      if (cut.signal.aborted && cut.signal.reason instanceof KubeError) throw cut.signal.reason
      if (isKubeError(error, 410)) {
        position = undefined
        return
      }
      // The position where the watch broke is known, so it continues from there. Connection errors
      // have a code; an event that cannot be parsed would only be sent again.
      if (!isKubeError(error) && (position !== from || typeof (error as { readonly code?: unknown }).code === 'string')) {
        log.debug('a watch broke', { kind: kind.kind, err: error })
        return
      }
      throw error
    } finally {
      clearInterval(idle)
      stop.signal.removeEventListener('abort', end)
    }
  }

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const started = performance.now()
      let wait = 0
      try {
        if (position === undefined) await relist()
        if (position !== undefined) await follow(position)
        options.onRestart?.(position === undefined ? 'expired' : 'closed')
      } catch (error) {
        if (stop.signal.aborted) return
        if (!isUnanswered(error)) position = undefined
        if (isKubeError(error, 401)) client.refreshCredentials()
        if (isKubeError(error)) wait = error.retryAfterMs ?? 0
        options.onRestart?.(error instanceof KubeError ? error.reason : 'broken')
        // I3: normal where little changes
        const isSilence = isKubeError(error) && error.reason === 'Silent'
        log[isSilence ? 'info' : 'warn']('a watch failed; it is reopened', { kind: kind.kind, err: error })
      }
      if (performance.now() - started > HEALTHY_MS) backoff.reset()
      await pause(Math.max(wait, backoff.next()), stop.signal) // I1
    }
  }
  const running = run()
  return {
    store,
    synced,
    get lastHeardAt() {
      return lastHeardAt
    },
    async close() {
      stop.abort()
      await running
    },
  }
}

/**
 * The server said nothing about the position, so it stands: lists of everything would only load a
 * server that has just come back.
 */
function isUnanswered(error: unknown): boolean {
  return isKubeError(error) && (error.status === 429 || error.reason === 'Unreachable' || error.reason === 'Timeout')
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
