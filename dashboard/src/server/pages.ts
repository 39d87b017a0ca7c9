/** The pages, by path below the mount. */
import { deploymentsView, type DeploymentsState } from '../views/deployments.js'
import { parseChoice } from '../views/log-choice.js'
import { logsView, type LogsState } from '../views/logs.js'
import { methodsView, WINDOWS, type MethodsState } from '../views/methods.js'
import { overviewView } from '../views/overview.js'
import { trafficView } from '../views/traffic.js'
import type { DeploymentState, Watch } from '../watch.js'
import type { LogDesk } from '../logs/log-desk.js'
import { newestRows } from './log-api.js'
import type { Page } from './page.js'
import { RequestProblem } from './send.js'

export async function deploymentsState(watch: Watch, tool: string): Promise<DeploymentsState> {
  return { tool, at: Date.now(), deployments: await watch.list() }
}

export async function deploymentsPage(watch: Watch, tool: string): Promise<Page> {
  const state = await deploymentsState(watch, tool)
  return { title: `${tool}: deployments`, view: deploymentsView(state), script: 'deployments.js', state }
}

/** @param path behind the deployment: `/methods` */
export function deploymentPage(state: DeploymentState, path: string, search: URLSearchParams): Page {
  const { app } = state.deployment
  switch (path) {
    case '':
      return { title: app, view: overviewView(state), script: 'overview.js', state }
    case '/methods': {
      const window = WINDOWS.find((one) => one === search.get('window')) ?? 'total'
      const shown: MethodsState = { ...state, window }
      return { title: `${app}: methods`, view: methodsView(shown), script: 'methods.js', state: shown }
    }
    case '/traffic':
      return { title: `${app}: traffic`, view: trafficView(state), script: 'traffic.js', state }
    default:
      throw new RequestProblem(404, 'there is no such page')
  }
}

/** A page waits so long for the newest entries; the browser gets them when they are there. */
const PATIENCE_MS = 500

export async function logsPage({ tool, deployment }: DeploymentState, search: URLSearchParams, desk: LogDesk): Promise<Page> {
  const { key, app, deploymentId, location, state, hasRollouts = false } = deployment
  const choice = parseChoice(search)
  const of = { key, app, deploymentId, ...(location === undefined ? {} : { location }), state, hasRollouts }
  const opened = desk.open(key, choice)
  let shown: LogsState
  if ('wrong' in opened) shown = { tool, deployment: of, choice, wrong: opened.wrong, rows: [] }
  else
    try {
      const rows = await newestRows(opened.view, PATIENCE_MS)
      shown = { tool, deployment: of, choice, summary: opened.view.summary, rows }
    } finally {
      opened.release()
    }
  return { title: `${app}: logs`, view: logsView(shown), script: 'logs.js', state: shown }
}
