/**
 * The load balancer of `weaver gke-local`: a process with a proxy on one port, before every host
 * name of every application. It goes by the last plan that it was told, and goes on by it when the
 * platform is away.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { startProxy, type ListenerProxy, type ProxyStats } from '@weaver/proxy'
import { reasonOf } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { askDeployment } from '../local/ask-deployment.js'
import { isRunning } from '../local/process-start.js'
import { controlSocketPath, removeControlSocket } from '../local/running-deployments.js'
import { gkeFolders, type GkeFolders } from './gke-folders.js'
import { readJson, writeJson } from './platform-store.js'
import { createWatched, ownMark, type Service } from './service.js'
import type { Shares, TrafficPlan } from './traffic-plan.js'

export interface Balancer extends Service {
  readonly format: 1
  readonly address: string
  readonly port: number
}

/** What is in force. */
export interface BalancerView {
  readonly address: string
  readonly shares: Shares
}

export interface BalancerState extends BalancerView {
  readonly stats: ProxyStats
}

type BalancerRequest =
  | { readonly kind: 'watch'; readonly seen: number }
  | { readonly kind: 'state' }
  | { readonly kind: 'plan'; readonly plan: TrafficPlan }
  | { readonly kind: 'stop' }

const GRACE_MS = 10_000
/** A plan names every process of all applications. */
const MAX_PLAN_BYTES = 64 * 1024 * 1024
/** For the answer to leave before its connection is closed. */
const REPLY_MS = 50

function markOf({ root }: GkeFolders): string {
  return join(root, 'balancer.json')
}

/** The one that runs. */
export function findBalancer(folders: GkeFolders): Balancer | undefined {
  const found = readJson<Balancer>(markOf(folders))
  return found !== undefined && isRunning(found) ? found : undefined
}

/** Runs it until it is stopped. @returns the exit code */
export async function runBalancer(port: number, { env, output, onSignal }: CliContext): Promise<number> {
  const folders = gkeFolders(env)
  const proxy = await listen(port)
  const controlSocket = controlSocketPath(folders.root, 'balancer')
  rmSync(controlSocket, { force: true }) // of one that was killed: its port was free
  let shares: Shares = {}
  let stop = (): void => undefined
  const over = new Promise<void>((resolve) => (stop = resolve))
  const watched = createWatched((): BalancerView => ({ address: proxy.address, shares }))
  const control = await serveControlSocket(controlSocket, {
    async answer(body) {
      const request = JSON.parse(Buffer.from(body).toString('utf8')) as BalancerRequest // of this user's own platform
      switch (request.kind) {
        case 'watch':
          return watched.watch(request.seen)
        case 'state':
          return { kind: 'state', state: { address: proxy.address, shares, stats: proxy.stats() } }
        case 'plan':
          proxy.setRoutes(request.plan.routes)
          ;({ shares } = request.plan)
          watched.changed()
          return { kind: 'ok' }
        case 'stop':
          setTimeout(stop, REPLY_MS)
          return { kind: 'ok' }
      }
    },
    maxRequestBytes: MAX_PLAN_BYTES,
    onProblem: (error) => output.warn(`a request of the platform could not be answered: ${reasonOf(error)}`),
  })
  const release = onSignal(stop)
  const mark: Balancer = {
    format: 1,
    ...ownMark('the load balancer'),
    controlSocket,
    address: proxy.address,
    port: proxy.port,
  }
  writeJson(markOf(folders), mark)
  await over
  rmSync(markOf(folders), { force: true })
  await control.close()
  removeControlSocket(folders.root, controlSocket) // before the next one has its own there
  await proxy.close({ graceMs: GRACE_MS })
  release()
  return 0
}

async function listen(port: number): Promise<ListenerProxy> {
  try {
    return await startProxy({ host: 'localhost', port })
  } catch (cause) {
    throw cliError('WEAVER_CLI_PORT_IN_USE', `the load balancer cannot listen on localhost:${port}: ${reasonOf(cause)}; give another port (\`weaver gke-local deploy --port\`)`, { cause }) // prettier-ignore
  }
}

export async function balancerState(balancer: Balancer): Promise<BalancerState> {
  const reply = await askDeployment(balancer, { request: { kind: 'state' }, expect: 'state' })
  return (reply as unknown as { readonly state: BalancerState }).state // of the kind that was expected
}

export async function tellBalancer(balancer: Balancer, plan: TrafficPlan): Promise<void> {
  const request: BalancerRequest = { kind: 'plan', plan }
  await askDeployment(balancer, { request, expect: 'ok' })
}

export async function stopBalancer(balancer: Balancer): Promise<void> {
  await askDeployment(balancer, { request: { kind: 'stop' }, expect: 'ok' })
}
