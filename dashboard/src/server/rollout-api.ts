/** Rollouts: their pages, events, and verbs. A verb is a POST, by the page's own origin or by token. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RolloutState, RolloutWatch } from '../rollout/rollout-watch.js'
import { rolloutView, type RolloutPageState } from '../views/rollout.js'
import { hasLeft, openEventStream } from './event-stream.js'
import type { Page } from './page.js'
import { begin, RequestProblem, sendJson } from './send.js'

const MAX_BODY = 10_000
const MAX_NOTE = 500

export async function needRollout(watch: RolloutWatch, app: string): Promise<RolloutState> {
  const state = (await watch.look()).find(({ rollout }) => rollout.app === app)
  if (state === undefined) throw new RequestProblem(404, 'this application does not run')
  return state
}

/** @param search `ask`: the verb that the user is asked about once more */
export async function rolloutPage(watch: RolloutWatch, app: string, search: URLSearchParams): Promise<Page> {
  const state = await needRollout(watch, app)
  const ask = state.rollout.verbs.find(({ verb }) => verb === search.get('ask'))?.verb
  const shown: RolloutPageState = { ...state, ...(ask === undefined ? {} : { ask }) }
  return { title: `${app}: rollout`, view: rolloutView(shown), script: 'rollout.js', state: shown }
}

export async function streamRollout(watch: RolloutWatch, app: string, response: ServerResponse): Promise<void> {
  const state = await needRollout(watch, app)
  if (hasLeft(response)) return
  begin(response, 200, { 'content-type': 'text/event-stream' })
  if (response.req.method === 'HEAD') return void response.end()
  const stop = watch.follow(app, (next) => {
    if (next !== undefined) return stream.send({ event: 'state', data: next, supersedes: true })
    stream.send({ event: 'ended', data: {} })
    stream.end()
  })
  const stream = openEventStream(response, { onClose: stop })
  stream.send({ event: 'state', data: state, supersedes: true })
}

/** @returns how it ended; the deployer has the last word on what can be done now */
export async function carryOut(
  watch: RolloutWatch,
  { app, verb }: { readonly app: string; readonly verb: string },
  request: IncomingMessage,
): Promise<Awaited<ReturnType<RolloutWatch['act']>>> {
  const { rollout } = await needRollout(watch, app)
  if (!rollout.verbs.some((one) => one.verb === verb)) throw new RequestProblem(404, 'there is no such verb')
  return watch.act(app, verb, await noteOf(request))
}

export async function answerVerb(
  watch: RolloutWatch,
  asked: { readonly app: string; readonly verb: string },
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const action = await carryOut(watch, asked, request)
  sendJson(response, action.isRefused ? 409 : 200, action.isRefused ? { message: action.answer } : action)
}

/** Of a form, or of `{ "message": … }`. */
async function noteOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new RequestProblem(413, 'the request is too long')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  const note = isForm ? new URLSearchParams(text).get('message') : messageIn(text)
  if (typeof note === 'string' && note.length > MAX_NOTE) throw new RequestProblem(400, `the message is longer than ${MAX_NOTE} characters`)
  return typeof note === 'string' ? note.trim() : ''
}

function messageIn(text: string): unknown {
  if (text === '') return ''
  try {
    return (JSON.parse(text) as { readonly message?: unknown } | null)?.message // whatever came; its caller checks
  } catch {
    throw new RequestProblem(400, 'the request is not JSON')
  }
}
