import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CpuProfile, HeapProfile } from '@weaver/sdk/contract'
import { Command, Option } from 'commander'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { cliError } from '../../errors/catalogue.js'
import { needRunning } from './running.js'

interface ProfileFlags {
  readonly type: 'cpu' | 'heap'
  readonly duration: string
  readonly output?: string
}

const MAX_SECONDS = 300
/** How long a process may take to write the profile, beyond its duration. */
const WRITE_MS = 60_000

export function profileCommand(context: CliContext, deployer: LocalDeployer): Command {
  return new Command('profile')
    .description('record where a running application spends its time, or its memory; one profile of all its processes')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .addOption(new Option('--type <type>', 'of what').choices(['cpu', 'heap']).default('cpu'))
    .option('--duration <duration>', 'how long', '30s')
    .option('--output <file>', 'file to write (default: <name>-<time>.cpuprofile or .heapprofile); Chrome DevTools opens it')
    .action(async (name: string | undefined, flags: ProfileFlags) => {
      const { parseDuration } = await import('@weaver/crds')
      const seconds = (parseDuration(flags.duration) ?? Number.NaN) / 1_000
      if (!(seconds >= 1 && seconds <= MAX_SECONDS))
        throw cliError(
          'WEAVER_CLI_USAGE',
          `--duration "${flags.duration}" is not a duration of 1s to ${MAX_SECONDS}s; write it as 30s or 2m`,
        )
      const running = needRunning(context, deployer, name)
      const interrupt = new AbortController()
      const release = context.onSignal(() => interrupt.abort(cliError('WEAVER_CLI_INTERRUPTED', 'no profile was written')))
      try {
        context.output.progress(`recording ${flags.duration} of "${running[0].app}" …`)
        const replies = await Promise.all(
          running.map((one) =>
            deployer.ask(one, {
              request: { kind: 'profile', type: flags.type, seconds },
              expect: 'profile',
              timeoutMs: seconds * 1_000 + WRITE_MS,
              signal: interrupt.signal,
            }),
          ),
        )
        const file = resolve(
          context.cwd,
          flags.output ?? `${running[0].app}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.${flags.type}profile`,
        )
        await writeFile(file, JSON.stringify(await merge(replies.flat().map(({ profile }) => profile), flags.type))) // prettier-ignore
        context.output.result(file)
      } finally {
        release()
      }
    })
}

/** All are of the requested type. */
async function merge(profiles: readonly (CpuProfile | HeapProfile)[], type: 'cpu' | 'heap'): Promise<CpuProfile | HeapProfile> {
  const { mergeCpuProfiles, mergeHeapProfiles } = await import('@weaver/deployer')
  return type === 'cpu' ? mergeCpuProfiles(profiles as readonly CpuProfile[]) : mergeHeapProfiles(profiles as readonly HeapProfile[])
}
