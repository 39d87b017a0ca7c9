/**
 * The server of the dashboard, on loopback.
 *
 *     /?token=…            exchanges the token, or a ticket, for the cookie, and leads to the pages
 *     /<mount>/…           pages, their assets, and what they ask for, by cookie
 *     /api/v1/…            the same data for programs, by `Authorization: Bearer <token>`
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerApi, needState, streamDeployments } from './server/api.js'
import { createRolloutWatch, type RolloutWatch } from './rollout/rollout-watch.js'
import { createLogDesk, type LogDesk } from './logs/log-desk.js'
import { loadAssets, type Asset } from './server/assets.js'
import { createGuard } from './server/guard.js'
import { sendLogLines, sendLogRows, streamLogs } from './server/log-api.js'
import { renderPage, type Page } from './server/page.js'
import { deploymentPage, deploymentsPage, logsPage } from './server/pages.js'
import { answerVerb, carryOut, needRollout, rolloutPage, streamRollout } from './server/rollout-api.js'
import { begin, RequestProblem, sendHtml, sendJson } from './server/send.js'
import type { DashboardSource } from './source.js'
import { rolloutPathOf } from './views/rollout.js'
import { createWatch, type WatchOptions } from './watch.js'

export interface DashboardOptions extends Partial<Pick<WatchOptions, 'watchedMs' | 'unwatchedMs'>> {
  /** @default a free one */
  readonly port?: number
  /** What went wrong while a request was answered, or a deployment was looked at. */
  readonly onProblem: (error: unknown) => void
}

export interface Dashboard {
  /** Opens the pages in a browser; whoever has it may do all that its user may. */
  readonly url: string
  /** Does so once, within a minute. A page of any origin may lead there: a file, say. */
  ticketUrl(): string
  /** Of the HTTP API: `http://127.0.0.1:4711/api/v1/`. */
  readonly apiUrl: string
  /** For the HTTP API. */
  readonly token: string
  close(): Promise<void>
}

const API = '/api/v1/'

/** @throws Error when the port cannot be bound */
export async function startDashboard(source: DashboardSource, options: DashboardOptions): Promise<Dashboard> {
  const { port = 0, onProblem } = options
  const assets = loadAssets()
  const guard = createGuard(() => (server.address() as AddressInfo).port) // it listens on a port
  const watch = createWatch(source, options)
  const desk = source.logs === undefined ? undefined : createLogDesk(source.logs, onProblem)
  const { tool } = source
  const rollouts = source.rollouts === undefined ? undefined : createRolloutWatch(source.rollouts, { ...options, tool })

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!(error instanceof RequestProblem)) onProblem(error)
      if (response.headersSent) return void response.destroy()
      const [status, message] =
        error instanceof RequestProblem ? [error.status, error.message] : [500, 'this cannot be answered; the command has the reason']
      sendJson(response, status, { message })
    })
  })

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = URL.parse(request.url ?? '/', 'http://dashboard')
    if (url === null) throw new RequestProblem(400, 'this is not a path')
    const isGet = request.method === 'GET' || request.method === 'HEAD'
    const opened = url.pathname === '/' && isGet ? guard.opens(url.searchParams.get('token') ?? '', request.method) : undefined
    if (opened !== undefined) return enter(response, opened)
    const isApi = url.pathname.startsWith(API)
    const refused = guard.refuse(request, isApi ? 'token' : 'cookie')
    if (refused?.status === 401) response.setHeader('www-authenticate', 'Bearer realm="the dashboard"')
    if (refused !== undefined) throw new RequestProblem(refused.status, refused.message)
    const path = url.pathname.slice((isApi ? API : guard.mount).length)
    const [, app, verb] = /^(?:rollouts|r)\/([^/]+)\/([a-zA-Z]+)$/.exec(path) ?? []
    if (request.method === 'POST' && app !== undefined && verb !== undefined && (isApi || url.pathname.startsWith(guard.mount)))
      return change({ app: decode(app), verb }, isApi, { request, response, url })
    if (!isGet) throw new RequestProblem(405, 'this can only be read')
    if (isApi) return answerProgram(url.pathname.slice(API.length), { request, response, url })
    if (!url.pathname.startsWith(guard.mount)) throw new RequestProblem(404, 'there is no such page')
    return answerBrowser(url.pathname.slice(guard.mount.length), { request, response, url })
  }

  const enter = (response: ServerResponse, by: 'token' | 'ticket'): void => {
    const cookie = { 'set-cookie': guard.setCookie }
    if (by === 'token') begin(response, 303, { ...cookie, location: guard.mount })
    // After a redirect the browser would still call it a request of the page that led here, and withhold the cookie.
    else begin(response, 200, { ...cookie, 'content-type': 'text/html; charset=utf-8', refresh: `0; url=${guard.mount}` })
    response.end()
  }

  const answerProgram = async (path: string, { request, response, url }: Asked): Promise<void> => {
    if (path === 'deployments') return sendJson(response, 200, await watch.list())
    if (path === 'events') return streamDeployments(response, watch, tool)
    if (path === 'rollouts') return sendJson(response, 200, await needRollouts().look())
    const [, app, part] = /^rollouts\/([^/]+)(\/events)?$/.exec(path) ?? []
    if (app !== undefined && part !== undefined) return streamRollout(needRollouts(), decode(app), response)
    if (app !== undefined) return sendJson(response, 200, await needRollout(needRollouts(), decode(app)))
    const [, key, what = ''] = /^deployments\/([^/]+)(?:\/(.+))?$/.exec(path) ?? []
    if (key === undefined || !(await answerOf(decode(key), what, { request, response, url })))
      throw new RequestProblem(404, 'there is no such path; docs/dashboard.md lists them')
  }

  const answerBrowser = async (path: string, { request, response, url }: Asked): Promise<void> => {
    if (path === '') return sendPage(response, await deploymentsPage(watch, tool))
    if (path === 'events') return streamDeployments(response, watch, tool)
    if (path.startsWith('assets/')) return sendAsset(request, response, assets.get(path.slice('assets/'.length)))
    const [, app, part] = /^r\/([^/]+)(\/events)?$/.exec(path) ?? []
    if (app !== undefined && part !== undefined) return streamRollout(needRollouts(), decode(app), response)
    if (app !== undefined) return sendPage(response, await rolloutPage(needRollouts(), decode(app), url.searchParams))
    const [, encoded, rest = ''] = /^d\/([^/]+)((?:\/.*)?)$/.exec(path) ?? []
    if (encoded === undefined) throw new RequestProblem(404, 'there is no such page')
    const key = decode(encoded)
    if (ASKED_BY_PAGES.includes(rest)) return void (await answerOf(key, rest.slice(1), { request, response, url }))
    const state = await needState(watch, key)
    sendPage(
      response,
      rest === '/logs' ? await logsPage(state, url.searchParams, needDesk()) : deploymentPage(state, rest, url.searchParams),
    )
  }

  /** @returns whether there is such a path */
  const answerOf = async (key: string, what: string, { request, response, url }: Asked): Promise<boolean> => {
    const asked = { key, search: url.searchParams, lastEventId: lastEventId(request) }
    if (!what.startsWith('logs')) return answerApi({ ...asked, what }, response, watch)
    if (!['logs', 'logs/rows', 'logs/events'].includes(what)) return false
    const first = await needState(watch, key)
    if (what === 'logs') await sendLogLines(asked, response, needDesk())
    else if (what === 'logs/rows') await sendLogRows(asked, response, needDesk())
    else await streamLogs(asked, response, { desk: needDesk(), watch, first })
    return true
  }

  /** A page is led back to where its user was. */
  const change = async (
    asked: { readonly app: string; readonly verb: string },
    isApi: boolean,
    { request, response }: Asked,
  ): Promise<void> => {
    if (isApi) return answerVerb(needRollouts(), asked, { request, response })
    await carryOut(needRollouts(), asked, request)
    begin(response, 303, { location: `${guard.mount}${rolloutPathOf(asked.app)}` })
    response.end()
  }

  const needRollouts = (): RolloutWatch => {
    if (rollouts === undefined) throw new RequestProblem(404, `\`${tool}\` has no rollouts`)
    return rollouts
  }

  const needDesk = (): LogDesk => {
    if (desk === undefined) throw new RequestProblem(404, `\`${tool}\` keeps no logs`)
    return desk
  }

  const sendPage = (response: ServerResponse, page: Page): void => sendHtml(response, 200, renderPage(page, guard.mount))

  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let closed: Promise<unknown> | undefined
  return {
    url: `${origin}/?token=${guard.token}`,
    ticketUrl: () => `${origin}/?token=${guard.ticket()}`,
    apiUrl: `${origin}${API}`,
    token: guard.token,
    async close() {
      watch.close()
      desk?.close()
      rollouts?.close()
      closed ??= once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
}

/** What pages ask for beside pages. */
const ASKED_BY_PAGES: readonly string[] = ['/events', '/logs/rows', '/logs/events']

function lastEventId({ headers }: IncomingMessage): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' ? id : undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RequestProblem(400, 'this is not a path')
  }
}

function sendAsset({ headers }: IncomingMessage, response: ServerResponse, asset: Asset | undefined): void {
  if (asset === undefined) throw new RequestProblem(404, 'there is no such file')
  const { type, body, gzip, etag } = asset
  if (headers['if-none-match'] === etag) {
    begin(response, 304, { etag, 'cache-control': 'no-cache' })
    return void response.end()
  }
  const isPacked = headers['accept-encoding']?.includes('gzip') === true
  begin(response, 200, { 'content-type': type, etag, 'cache-control': 'no-cache', ...(isPacked ? { 'content-encoding': 'gzip' } : {}) })
  response.end(isPacked ? gzip : body)
}
