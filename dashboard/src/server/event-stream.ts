/**
 * Server-sent events to one viewer, who may read slowly or not at all.
 *
 * I1  At most `maxQueued` events wait for a viewer. One that supersedes an earlier one replaces it;
 *     of the others the oldest is dropped.
 * I2  What was dropped is told, by an event `dropped` before the next one.
 */
import type { ServerResponse } from 'node:http'

export interface StreamEvent {
  readonly event: string
  readonly data: unknown
  /** Where to go on after it: `Last-Event-ID` of the next request. */
  readonly id?: string
  /** It says all that an earlier one of the same name did. */
  readonly supersedes?: true
  /** What is lost with it, in things of the reader: lines. @default 1 */
  readonly weight?: number
}

export interface EventStream {
  send(event: StreamEvent): void
  end(): void
}

/** Browsers and proxies end what is silent. */
const KEEP_ALIVE_MS = 15_000

/** @param onClose the viewer has left; called at once where it left before this */
export function openEventStream(
  response: ServerResponse,
  { maxQueued = 256, onClose }: { readonly maxQueued?: number; readonly onClose: () => void },
): EventStream {
  const queue: StreamEvent[] = []
  let dropped = 0
  let isBlocked = false
  const write = (text: string): void => {
    isBlocked = !response.write(text)
  }
  const take = (): StreamEvent | undefined => {
    if (dropped === 0) return queue.shift()
    const told = { event: 'dropped', data: { count: dropped } } // I2
    dropped = 0
    return told
  }
  const flush = (): void => {
    if (isBlocked) return
    const next = take()
    if (next === undefined) return
    write(frame(next))
    flush()
  }
  const alive = setInterval(() => {
    if (!isBlocked) write(': alive\n\n')
  }, KEEP_ALIVE_MS).unref()
  response.on('drain', () => {
    isBlocked = false
    flush()
  })
  const close = (): void => {
    clearInterval(alive)
    queue.length = 0
    onClose()
  }
  if (hasLeft(response)) close()
  else {
    response.once('close', close)
    response.flushHeaders()
  }
  return {
    send(event) {
      if (hasLeft(response) || response.writableEnded) return
      const earlier = event.supersedes === true ? queue.findIndex((one) => one.event === event.event) : -1
      if (earlier >= 0) queue.splice(earlier, 1)
      queue.push(event)
      if (queue.length > maxQueued) dropped += queue.shift()?.weight ?? 1 // I1
      flush()
    },
    end: () => response.end(),
  }
}

/** Whether nobody is there to read it, so that `close` may be over. */
export function hasLeft(response: ServerResponse): boolean {
  return response.destroyed || response.closed
}

/** JSON has no line break, so the data is one line. */
function frame({ event, data, id }: StreamEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
