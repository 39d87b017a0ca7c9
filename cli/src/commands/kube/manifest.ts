import { Command } from 'commander'
import { stringify } from 'yaml'
import { applicationName } from '../../config/load-config.js'
import { buildWeaverApp } from '../../config/weaver-app-manifest.js'
import type { CliContext } from '../../context.js'
import { loadRelease } from '../../deployers/kube/load-release.js'
import { parseReference } from '../../image/reference.js'
import { imageRepository } from '../../deployers/kube/image-name.js'

interface ManifestFlags {
  readonly image?: string
  readonly namespace?: string
  readonly json?: true
}

export function manifestCommand(context: CliContext): Command {
  return new Command('manifest')
    .description('print the WeaverApp of a weaver.toml, for kubectl apply')
    .argument('<weaver.toml>', 'configuration of the application')
    .option('--image <reference>', 'image of the application (default: the one that `kube deploy` would push, with the tag latest)')
    .option('-n, --namespace <name>', 'namespace to put into it (default: that of weaver.toml, else none)')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: ManifestFlags) => {
      const release = await loadRelease(file, context.cwd)
      if (flags.image !== undefined) parseReference(flags.image)
      const { manifest } = buildWeaverApp(release.config, {
        image:
          flags.image ??
          `${imageRepository(release.config, { name: applicationName(release.config, release.packageName), env: context.env, flag: '--image registry.example/team/name:tag' })}:latest`,
        ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
        ...(release.packageName === undefined ? {} : { packageName: release.packageName }),
        ...(release.graph === undefined ? {} : { graph: release.graph }),
      })
      if (flags.json === true) context.output.json(manifest)
      else context.output.result(stringify(manifest, { lineWidth: 0 }).trimEnd())
    })
}
