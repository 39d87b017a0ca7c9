import { Command } from 'commander'
import { shortDeploymentId, type WeaveletStatus } from '@weaver/sdk/contract'
import type { CliContext } from '../../context.js'
import { askSingle, singleDeployer } from '../../deployers/local/single-deployer.js'
import { formatAge, formatTable } from '../../print/table.js'
import { listRunning, needRunning } from '../local/running.js'

export function statusCommand(context: CliContext): Command {
  return new Command('status')
    .description('show the applications that run on this machine by `weaver single deploy`')
    .argument('[name]', 'name of an application (default: all)')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, flags: { readonly json?: true }) => {
      const all = await Promise.all(
        (name === undefined ? listRunning(context, singleDeployer, name) : needRunning(context, singleDeployer, name)).map(
          async (running) => ({
            running,
            status: await askSingle(running, { request: { kind: 'status' }, expect: 'status' }).catch((error: unknown) =>
              String((error as Error).message),
            ), // askSingle rejects with errors
          }),
        ),
      )
      if (flags.json === true)
        return context.output.json(
          all.map(({ running: { app, deploymentId, pid, startedAt, config }, status }) => ({
            app,
            deploymentId,
            pid,
            startedAt: new Date(startedAt).toISOString(),
            config,
            ...(typeof status === 'string'
              ? { problem: status }
              : { ready: status.ready, draining: status.draining, inFlight: status.inFlight, listeners: status.listeners ?? {} }),
          })),
        )
      if (all.length === 0) return context.output.progress('no application runs on this machine by `weaver single deploy`')
      const rows = all.map(({ running: { app, deploymentId, pid, startedAt }, status }) => [
        app,
        shortDeploymentId(deploymentId),
        String(pid),
        formatAge(Date.now() - startedAt),
        stateOf(status),
        typeof status === 'string' ? '-' : listenersOf(status),
      ])
      for (const line of formatTable([['APP', 'DEPLOYMENT', 'PID', 'AGE', 'STATE', 'LISTENERS'], ...rows])) context.output.result(line)
      for (const { status } of all) if (typeof status === 'string') context.output.warn(status)
    })
}

function stateOf(status: WeaveletStatus | string): string {
  if (typeof status === 'string') return 'no answer'
  return status.draining ? 'draining' : status.ready ? 'ready' : 'not ready'
}

function listenersOf({ listeners = {} }: WeaveletStatus): string {
  const all = Object.entries(listeners).map(([name, { host, port }]) => `${name}=${host.includes(':') ? `[${host}]` : host}:${port}`)
  return all.length === 0 ? '-' : all.join(' ')
}
