/** The processes that outlive commands, as commands of their own: nobody types them. */
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { parsePort } from './port.js'

export function platformCommand(context: CliContext): Command {
  return new Command('platform').requiredOption('--port <port>').action(async ({ port }: { readonly port: string }) => {
    const { runPlatform } = await import('../../deployers/gke-local/platform.js')
    context.setExitCode(await runPlatform(parsePort(port), context))
  })
}

export function hostCommand(context: CliContext): Command {
  return new Command('host')
    .argument('<deployment>')
    .argument('<region>')
    .action(async (deployment: string, region: string) => {
      const { runHost } = await import('../../deployers/gke-local/version-host.js')
      context.setExitCode(await runHost(deployment, region, context))
    })
}

export function balancerCommand(context: CliContext): Command {
  return new Command('balancer').requiredOption('--port <port>').action(async ({ port }: { readonly port: string }) => {
    const { runBalancer } = await import('../../deployers/gke-local/load-balancer.js')
    context.setExitCode(await runBalancer(parsePort(port), context))
  })
}
