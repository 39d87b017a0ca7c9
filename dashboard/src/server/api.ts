/**
 * The HTTP API, which the pages use as well: JSON, and server-sent events where it goes on. The same
 * paths are below the mount of the pages (by cookie) and below `/api/v1/` (by token).
 */
import type { ServerResponse } from 'node:http'
import type { DeploymentState, Watch } from '../watch.js'
import { hasLeft, openEventStream } from './event-stream.js'
import { deploymentsState } from './pages.js'
import { begin, RequestProblem, sendJson } from './send.js'

const LIST_MS = 2_000

export interface ApiRequest {
  /** Of a deployment. */
  readonly key: string
  /** Behind the deployment: `methods`. */
  readonly what: string
  readonly search: URLSearchParams
  readonly lastEventId: string | undefined
}

/** All deployments again and again. */
export function streamDeployments(response: ServerResponse, watch: Watch, tool: string): void {
  if (!beginEvents(response)) return
  let last = ''
  let timer: NodeJS.Timeout | undefined
  const stream = openEventStream(response, { onClose: () => clearTimeout(timer) })
  const look = async (): Promise<void> => {
    const state = await deploymentsState(watch, tool).catch(() => undefined) // the next look may succeed
    const text = JSON.stringify(state?.deployments)
    if (state !== undefined && text !== last) stream.send({ event: 'state', data: state, supersedes: true })
    last = text
    if (!hasLeft(response)) timer = setTimeout(() => void look(), LIST_MS)
  }
  void look()
}

/** @returns whether there is such a path */
export async function answerApi({ key, what }: ApiRequest, response: ServerResponse, watch: Watch): Promise<boolean> {
  if (what === 'events') {
    await streamDeployment(key, response, watch)
    return true
  }
  const part = PARTS.get(what)
  if (part === undefined) return false
  sendJson(response, 200, part(await needState(watch, key)))
  return true
}

const PARTS: ReadonlyMap<string, (state: DeploymentState) => unknown> = new Map<string, (state: DeploymentState) => unknown>([
  ['', ({ tool, at, deployment, cpu }) => ({ tool, at, deployment, cpu })],
  ['methods', ({ methods }) => methods],
  ['traffic', ({ traffic }) => traffic],
])

export async function needState(watch: Watch, key: string): Promise<DeploymentState> {
  const state = await watch.look(key)
  if (state === undefined) throw new RequestProblem(404, 'this deployment does not run')
  return state
}

/** State supersedes state, so a viewer that comes back needs nothing of what it missed. */
async function streamDeployment(key: string, response: ServerResponse, watch: Watch): Promise<void> {
  const state = await needState(watch, key)
  if (!beginEvents(response)) return
  const stop = watch.follow(key, (next) => {
    if (next !== undefined) return stream.send({ event: 'state', data: next, supersedes: true })
    stream.send({ event: 'ended', data: {} })
    stream.end()
  })
  const stream = openEventStream(response, { onClose: stop })
  stream.send({ event: 'state', data: state, supersedes: true })
}

/** @returns whether a viewer is there, and wants more than the headers */
function beginEvents(response: ServerResponse): boolean {
  if (hasLeft(response)) return false
  begin(response, 200, { 'content-type': 'text/event-stream' })
  if (response.req.method !== 'HEAD') return true
  response.end()
  return false
}
