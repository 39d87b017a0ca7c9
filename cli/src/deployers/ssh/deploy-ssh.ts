import { homedir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { binaryOf, launchOf } from '../../config/launch.js'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { noGraph } from '../../generate/build-steps.js'
import { buildApplicationLayers } from '../../image/application-layers.js'
import { packLayer } from '../../image/layer.js'
import { loadApplication } from '../local/load-application.js'
import { foldersOf } from '../local/local-deployer.js'
import { runInTerminal } from '../local/run-in-terminal.js'
import { multiDeployer } from '../local/multi-deployer.js'
import { singleDeployer } from '../local/single-deployer.js'
import { agentFiles } from './agent-files.js'
import { sshDeployer } from './ssh-deployer.js'
import { planSsh, sshProblems } from './ssh-plan.js'
import { APP, SshSite } from './ssh-site.js'
import { rememberMachines } from './used-machines.js'

/**
 * Without a sign of life for so long the processes of a machine end, and begin elsewhere. Long enough
 * for a machine that has too much to do.
 */
const LEASE_MS = 15_000

/** `weaver ssh deploy`: checks everything, then runs it. @returns the exit code */
export async function deploySsh(
  { file, natsUrl }: { readonly file: string; readonly natsUrl: string | undefined },
  context: CliContext,
): Promise<number> {
  const { env, cwd, output } = context
  if (process.platform === 'win32')
    throw cliError('WEAVER_CLI_MACHINE', 'OpenSSH for Windows cannot share a connection (ControlMaster); use WSL')
  const { config, folder, graph } = await loadApplication(file, context, sshProblems)
  if (graph === undefined) throw noGraph(folder, cwd)
  const plan = planSsh(config, graph)
  const launch = launchOf(config, {})
  const main = relative(folder, binaryOf(config)).split(sep).join('/')
  if (main.startsWith('../'))
    throw cliError('WEAVER_CLI_NOT_BUILT', `"${launch.binary}" is not in the package "${folder}", of which a copy is sent`)
  const cache = join(env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache'), 'weaver', 'layers')
  const { layers, leftOut } = await buildApplicationLayers({ folder, main, hasGraph: true, describe: async () => graph }, cache)
  for (const sentence of leftOut) output.warn(sentence)
  const agent = await packLayer('agent', agentFiles(), cache)
  const appEnv = Object.fromEntries(
    (config.application.env ?? []).map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  )
  return runInTerminal(
    {
      deployer: sshDeployer,
      config,
      graph,
      groups: plan.groups,
      restart: { kind: config.ssh.restart ?? 'restart' },
      site: ({ deploymentId, folder: files, say }) =>
        new SshSite({
          locations: plan.locations,
          deploymentId,
          natsUrl,
          folder: files,
          leaseMs: LEASE_MS,
          command: launch.command.map((part) => (part === launch.binary ? `${APP}/${main}` : part)),
          appEnv,
          provisions: {
            agent,
            build: {
              dependencies: layers.find(({ name }) => name === 'dependencies'),
              others: layers.filter(({ name }) => name !== 'dependencies'),
            },
            deploymentId,
            needsBroker: natsUrl === undefined,
            env,
            cwd,
          },
          onReached: (host) => rememberMachines(foldersOf(sshDeployer, env).list, [host]),
          say,
        }),
      childrenOf: () => [],
    },
    {
      neighbours: [sshDeployer, multiDeployer, singleDeployer],
      addresses: plan.addresses,
      note: `machines: ${plan.locations.map(({ host }) => host).join(', ')}`,
    },
    context,
  )
}
