/**
 * Writes Kubernetes Events (`events.k8s.io/v1`) on the objects they are about. Best effort: an
 * event that cannot be written is logged and does not block anything.
 */
import { createHash, randomBytes } from 'node:crypto'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import type { Logger } from '../log/logger.js'

export interface EventRecorder {
  emit(
    regarding: KubeObject,
    event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string; readonly action?: string },
  ): void
  /** Resolves when what was emitted is written or given up. */
  flush(): Promise<void>
}

/** In bytes of UTF-8, as the API server counts. */
const MAX_NOTE = 1024
/** The same event about the same object is written once in this time. */
const REPEAT_MS = 10 * 60_000
const MAX_PENDING = 100

export function createEventRecorder(options: {
  readonly api: KubeApi
  readonly instance: string
  readonly log: Logger
  readonly now?: () => number
}): EventRecorder {
  const { api, instance, log, now = Date.now } = options
  const recent = new Map<string, number>()
  const pending = new Set<Promise<void>>()
  return {
    emit(regarding, event) {
      const at = now()
      for (const [key, time] of recent) if (at - time > REPEAT_MS) recent.delete(key)
      const key = createHash('sha1')
        .update(JSON.stringify([regarding.metadata.uid, event.reason, event.message]))
        .digest('base64')
      if (recent.has(key) || pending.size >= MAX_PENDING) return
      recent.set(key, at)
      const { name, namespace = 'default', uid, resourceVersion } = regarding.metadata
      const body: KubeObject = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: `${name.slice(0, 200)}.${at.toString(16)}${randomBytes(4).toString('hex')}`, namespace },
        eventTime: new Date(at).toISOString().replace('Z', '000Z'),
        reportingController: 'weaver.dev/operator',
        reportingInstance: instance.slice(0, 128),
        action: event.action ?? 'Reconcile',
        reason: event.reason,
        type: event.type,
        note: shortNote(event.message),
        regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
      }
      const write = api
        .create(KINDS.events, body, { timeoutMs: 5_000 })
        .then(() => undefined)
        .catch((error: unknown) => {
          recent.delete(key)
          log.warn('an event could not be written; the work goes on', { reason: event.reason, object: `${namespace}/${name}`, err: error })
        })
        .finally(() => pending.delete(write))
      pending.add(write)
    },
    async flush() {
      await Promise.all(pending)
    },
  }
}

function shortNote(message: string): string {
  const bytes = Buffer.from(message)
  if (bytes.length <= MAX_NOTE) return message
  let end = MAX_NOTE - Buffer.byteLength('…')
  // Not inside a character: its later bytes begin with the bits 10.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.subarray(0, end).toString()}…`
}
