/**
 * Logs of a deployment: as lines for programs, as rows for a page that scrolls, and as events for
 * who follows.
 */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { jsonLine } from '@weaver/sdk/contract'
import type { LogDesk } from '../logs/log-desk.js'
import type { LogView } from '../logs/log-view.js'
import { parseChoice } from '../views/log-choice.js'
import type { DeploymentState, Watch } from '../watch.js'
import { hasLeft, openEventStream } from './event-stream.js'
import { begin, RequestProblem, sendJson } from './send.js'

/** Entries that are read, and sent, at a time. */
const PIECE = 500
const MAX_ROWS = 1_000
/** What a viewer that begins is sent, and what one that is behind can catch up on. */
const TAIL = 200
const MAX_BEHIND = 20_000
/** Between two looks for new entries: bursts become one event. */
const PAUSE_MS = 100
/** Pieces that wait for a viewer. */
const MAX_QUEUED = 8

export interface LogRequest {
  readonly key: string
  readonly search: URLSearchParams
  readonly lastEventId: string | undefined
}

/** @throws RequestProblem the query is wrong */
function openView(desk: LogDesk, { key, search }: LogRequest): { readonly view: LogView; release(): void } {
  const opened = desk.open(key, parseChoice(search))
  if ('wrong' in opened) throw new RequestProblem(400, opened.wrong)
  return opened
}

/** Aborts when the viewer leaves. */
function leaving(response: ServerResponse): AbortSignal {
  const over = new AbortController()
  if (hasLeft(response)) over.abort()
  else response.once('close', () => over.abort())
  return over.signal
}

/** `tail` and `follow` as the flags of the command. */
export async function sendLogLines(request: LogRequest, response: ServerResponse, desk: LogDesk): Promise<void> {
  const { search } = request
  const tail = numberOf(search, 'tail', Infinity)
  const isFollowed = ['1', 'true', 'on'].includes(search.get('follow') ?? '')
  const { view, release } = openView(desk, request)
  try {
    const signal = leaving(response)
    await view.current(signal)
    if (signal.aborted) return
    begin(response, 200, { 'content-type': 'application/x-ndjson' })
    if (response.req.method === 'HEAD') return void response.end()
    response.flushHeaders()
    const { first, total } = view.summary
    await pipeline(Readable.from(linesOf(view, { from: Math.max(first, total - tail), isFollowed, signal })), response).catch(
      (error: unknown) => {
        if (!hasLeft(response)) throw error
      },
    )
  } finally {
    release()
  }
}

async function* linesOf(
  view: LogView,
  { from, isFollowed, signal }: { readonly from: number; readonly isFollowed: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  for (let at = from; !signal.aborted;) {
    const { total } = view.summary
    for (; at < total && !signal.aborted; at = Math.min(total, at + PIECE)) {
      const entries = await view.entries(at, Math.min(total, at + PIECE))
      const text = entries.flatMap((entry) => (entry === undefined ? [] : jsonLine(entry))).join('')
      if (text !== '') yield text
    }
    if (!isFollowed || view.isClosed) return
    if (view.summary.total === at) await view.changed(signal)
  }
}

/** Rows by number, at most MAX_ROWS. */
export async function sendLogRows(request: LogRequest, response: ServerResponse, desk: LogDesk): Promise<void> {
  const { search } = request
  const from = numberOf(search, 'from', 0)
  const count = Math.min(MAX_ROWS, numberOf(search, 'count', TAIL))
  const { view, release } = openView(desk, request)
  try {
    sendJson(response, 200, { ...view.summary, rows: await view.rows(from, from + count) })
  } finally {
    release()
  }
}

/** What a page starts with: the newest rows, once they are known, or what is known within a moment. */
export async function newestRows(view: LogView, patienceMs: number): Promise<Awaited<ReturnType<LogView['rows']>>> {
  await view.current(AbortSignal.timeout(patienceMs))
  const { total, isCurrent } = view.summary
  return isCurrent ? view.rows(total - TAIL, total) : []
}

/**
 * `state` with the counts; `lines` with rows, whose id `EPOCH:ROW` says where the next request
 * goes on; `ended` when the deployment has.
 */
export async function streamLogs(
  request: LogRequest,
  response: ServerResponse,
  { desk, watch, first }: { readonly desk: LogDesk; readonly watch: Watch; readonly first: DeploymentState },
): Promise<void> {
  const { view, release } = openView(desk, request)
  if (hasLeft(response) || response.req.method === 'HEAD') {
    release()
    if (!hasLeft(response)) begin(response, 200, { 'content-type': 'text/event-stream' })
    return void response.end()
  }
  begin(response, 200, { 'content-type': 'text/event-stream' })
  const signal = leaving(response)
  const stream = openEventStream(response, { maxQueued: MAX_QUEUED, onClose: release })
  let { deployment } = first
  const state = (): void => {
    const { key, app, deploymentId, location, state: now, hasRollouts = false } = deployment
    const of = { key, app, deploymentId, ...(location === undefined ? {} : { location }), state: now, hasRollouts }
    stream.send({ event: 'state', data: { ...view.summary, deployment: of }, supersedes: true })
  }
  const unfollow = watch.follow(request.key, (next) => {
    if (next === undefined) return stream.send({ event: 'ended', data: {}, supersedes: true })
    const isOther = next.deployment.state !== deployment.state
    deployment = next.deployment
    if (isOther) state()
  })
  signal.addEventListener('abort', unfollow)
  state()
  await sendNewRows(view, { request, signal, stream, state })
}

async function sendNewRows(
  view: LogView,
  {
    request,
    signal,
    stream,
    state,
  }: {
    readonly request: LogRequest
    readonly signal: AbortSignal
    readonly stream: ReturnType<typeof openEventStream>
    readonly state: () => void
  },
): Promise<void> {
  let next = rowAfter(request.lastEventId, view)
  while (!signal.aborted && !view.isClosed) {
    const { epoch, total, first, isCurrent } = view.summary
    if (isCurrent) {
      next ??= total - TAIL
      const from = Math.max(next, first, total - MAX_BEHIND)
      if (from > next && next > 0) stream.send({ event: 'dropped', data: { count: from - next } })
      for (next = Math.max(0, from); next < total && !signal.aborted;) {
        const rows = await view.rows(next, Math.min(total, next + PIECE))
        next = Math.min(total, next + PIECE)
        stream.send({ event: 'lines', data: { epoch, rows }, id: `${epoch}:${next}`, weight: rows.length })
      }
    }
    await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined) // the loop's condition sees the signal
    if (view.summary.total === total && view.summary.isCurrent === isCurrent) await view.changed(signal)
    state()
  }
  stream.end()
}

/** `undefined`: it begins, or comes from another epoch. */
function rowAfter(lastEventId: string | undefined, view: LogView): number | undefined {
  const [, epoch, row] = /^(.+):(\d+)$/.exec(lastEventId ?? '') ?? []
  return epoch === view.summary.epoch ? Number(row) : undefined
}

function numberOf(search: URLSearchParams, name: string, otherwise: number): number {
  const text = search.get(name)
  if (text === null) return otherwise
  if (!/^\d{1,12}$/.test(text)) throw new RequestProblem(400, `${name} "${text}" is not a number`)
  return Number(text)
}
