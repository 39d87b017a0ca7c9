// Logs of all pods of an app as one stream. Pods come and go meanwhile (a rollout replaces them
// all), so they are listed repeatedly.
// I1  One reader at a time reads a container; a restarted container counts as another one (the
//     restart count is part of the key).
// I2  A reader that is cut off continues after its last line, by the API server's timestamps.
import { setTimeout as sleep } from 'node:timers/promises'
import { KINDS, resourcePath } from '@weaver/kube'
import type { WantedGroup } from './hosted-components.js'
import type { KubeClient } from './kube-client.js'
import type { Pod } from './pod.js'
import { listPods, type AppName } from './weaver-apps.js'

export interface LogLine {
  /** When the node wrote it, RFC 3339. */
  readonly time: string
  readonly pod: string
  readonly group: string
  readonly version: string
  readonly text: string
}
export interface LogOptions {
  readonly app: AppName
  readonly version?: string
  readonly group?: WantedGroup
  /** Last lines of each pod. @default all; 10 when following */
  readonly tail?: number
  readonly signal: AbortSignal
  readonly labels: { readonly group: string; readonly version: string }
  /** Receives what could not be read; the rest goes on. */
  readonly onProblem: (message: string) => void
}

const LIST_MS = 1500

/** Lines written so far, sorted by time over all pods. */
export async function readLogs(client: KubeClient, options: LogOptions): Promise<readonly LogLine[]> {
  const pods = await listPods(client, options.app, options)
  const lines: LogLine[] = []
  for (const pod of pods.filter(hasStarted))
    await readPod(client, pod, { ...options, isFollowed: false, onLine: (line) => lines.push(line) }).catch((error: unknown) => {
      options.signal.throwIfAborted()
      options.onProblem((error as Error).message) // the client rejects with errors
    })
  // as text: RFC 3339 in UTC with nine digits sorts by time
  return lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

/** Passes on lines as they arrive, of present and future pods, until the signal aborts. */
export async function followLogs(client: KubeClient, options: LogOptions, onLine: (line: LogLine) => void): Promise<void> {
  const reading = new Set<string>()
  const lastTime = new Map<string, string>()
  const readers = new Set<Promise<void>>()
  let isFirst = true
  while (!options.signal.aborted) {
    const pods = await listPods(client, options.app, options)
    for (const pod of pods.filter(hasStarted)) {
      const key = `${pod.metadata.uid}/${pod.status?.containerStatuses?.[0]?.restartCount ?? 0}`
      if (reading.has(key)) continue
      const last = lastTime.get(key)
      if (last !== undefined && !isRunning(pod)) continue
      reading.add(key)
      const reader = readPod(client, pod, {
        ...options,
        isFollowed: true,
        ...(last === undefined ? (isFirst ? { tail: options.tail ?? 10 } : {}) : { since: last }),
        onLine(line) {
          lastTime.set(key, line.time)
          onLine(line)
        },
      })
        .catch((error: unknown) => {
          if (!options.signal.aborted) options.onProblem((error as Error).message) // the client rejects with errors
        })
        .finally(() => {
          reading.delete(key)
          if (!lastTime.has(key)) lastTime.set(key, new Date(0).toISOString())
          readers.delete(reader)
        })
      readers.add(reader)
    }
    isFirst = false
    await sleep(LIST_MS, undefined, { signal: options.signal }).catch(() => undefined) // the loop's condition sees the signal
  }
  await Promise.allSettled(readers)
}

interface PodOptions extends LogOptions {
  readonly isFollowed: boolean
  /** Lines up to this time have been returned. */
  readonly since?: string
  readonly onLine: (line: LogLine) => void
}

async function readPod(client: KubeClient, pod: Pod, options: PodOptions): Promise<void> {
  const { name, labels = {} } = pod.metadata
  const container = pod.spec.containers[0]?.name
  const stream = await client.stream({
    path: resourcePath(KINDS.pods, { namespace: options.app.namespace, name, subresource: 'log' }),
    query: {
      container,
      timestamps: 'true',
      follow: options.isFollowed ? 'true' : undefined,
      tailLines: options.since === undefined ? options.tail?.toString() : undefined,
      sinceTime: options.since,
    },
    what: `logs of pod "${options.app.namespace}/${name}"`,
    signal: options.signal,
  })
  const give = (line: string): void => {
    const blank = line.indexOf(' ')
    const time = line.slice(0, blank)
    // sinceTime has whole seconds only
    if (blank <= 0 || (options.since !== undefined && time <= options.since)) return
    options.onLine({
      time,
      pod: name,
      group: labels[options.labels.group] ?? '-',
      version: labels[options.labels.version] ?? '-',
      text: line.slice(blank + 1),
    })
  }
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(give)
  }
  if (rest !== '') give(rest)
}

function hasStarted(pod: Pod): boolean {
  const state = pod.status?.containerStatuses?.[0]?.state
  return state !== undefined && ('running' in state || 'terminated' in state)
}

function isRunning(pod: Pod): boolean {
  return 'running' in (pod.status?.containerStatuses?.[0]?.state ?? {})
}
