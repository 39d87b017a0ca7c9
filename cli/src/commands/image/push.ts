import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { collect } from '../collect.js'
import type { CliContext } from '../../context.js'
import { ENGINES, type Engine } from '../../image/container-engine.js'
import { DEFAULT_BASE_IMAGE, makeImage, parseEntrypoint } from '../../image/make-image.js'
import { GROUPS } from '../groups.js'

interface PushFlags {
  readonly package: string
  readonly entrypoint: string
  readonly base?: string
  readonly graph: boolean
  readonly engine: 'auto' | 'none' | Engine
  readonly platform?: readonly string[]
  readonly insecureRegistry?: readonly string[]
  readonly json?: true
}

export function imageCommand(context: CliContext): Command {
  return new Command('image').description(GROUPS.image).addCommand(pushCommand(context))
}

function pushCommand(context: CliContext): Command {
  return new Command('push')
    .description('build an image of a package and push it; needs no container engine')
    .argument('<reference>', 'registry/name[:tag]; without a tag one is made from the content')
    .option('--package <dir>', 'folder of the package', '.')
    .option('--entrypoint <command>', 'file that node runs, or a whole command', 'dist/main.js')
    .option('--base <reference>', `base image (default: $WEAVER_BASE_IMAGE, else ${DEFAULT_BASE_IMAGE})`)
    .option('--no-graph', 'the package is not a Weaver application: put no component graph into the image')
    .addOption(
      new Option('--engine <name>', 'what builds: an engine, "none" (weaver itself), or "auto"')
        .choices(['auto', ...ENGINES, 'none'])
        .default('auto'),
    )
    .option('--platform <os/arch>', 'platform of the base image to build for; may be repeated', collect)
    .option(
      '--insecure-registry <host>',
      'registry to be spoken to by plain HTTP, as those on loopback always are; may be repeated',
      collect,
    )
    .option('--json', 'print JSON')
    .action(async (reference: string, flags: PushFlags) => {
      const made = await makeImage({
        folder: resolve(context.cwd, flags.package),
        entrypoint: parseEntrypoint(flags.entrypoint),
        ...baseOf(flags.base ?? context.env['WEAVER_BASE_IMAGE']),
        target: reference,
        engine: flags.engine,
        ...(flags.platform === undefined ? {} : { platforms: flags.platform }),
        ...(flags.insecureRegistry === undefined ? {} : { insecureRegistries: flags.insecureRegistry }),
        hasGraph: flags.graph,
        env: context.env,
        onProgress: (line) => context.output.progress(line),
      })
      if (flags.json === true) context.output.json(made)
      else context.output.result(made.pinned)
    })
}

function baseOf(base: string | undefined): { readonly base?: string } {
  return base === undefined || base === '' ? {} : { base }
}
