import type { Command } from 'commander'
import { resolve } from 'node:path'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { createKubeClient, type KubeClient } from '../../deployers/kube/kube-client.js'
import { parseDuration } from '@weaver/crds'

/** Flags of every command that talks to a cluster. */
export interface ClusterFlags {
  readonly namespace?: string
  readonly kubeconfig?: string
  readonly context?: string
}

export function withClusterFlags(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'namespace of the application (default: that of a given weaver.toml, else of the context)')
    .option('--kubeconfig <file>', 'kubeconfig (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
}

export function connect(context: CliContext, flags: ClusterFlags): Promise<KubeClient> {
  return createKubeClient({
    env: context.env,
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(context.cwd, flags.kubeconfig) }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
  })
}

/** Milliseconds of `--timeout 90s`. @throws WeaverError `WEAVER_CLI_USAGE` */
export function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw cliError('WEAVER_CLI_USAGE', `--timeout "${text}" is not a duration; write it as 90s, 10m or 1h30m`)
  return milliseconds
}
