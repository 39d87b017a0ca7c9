import type { WeaverToml } from '../../config/load-config.js'
import { cliError } from '../../errors/catalogue.js'

export interface ImageNameOptions {
  /** Name of the application. */
  readonly name: string
  /** `--repo` */
  readonly repo?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Where an application's image goes, without a tag: `--repo`, `kube.image`, `kube.repo`, `$WEAVER_KUBE_REPO`, `$WEAVER_REGISTRY`, in this order.
 * @throws WeaverError `WEAVER_CLI_USAGE` when none is given
 */
export function imageRepository({ kube, file }: WeaverToml, { name, repo, env }: ImageNameOptions): string {
  if (repo === undefined && kube.image !== undefined) return kube.image
  const prefix = [repo, kube.repo, env['WEAVER_KUBE_REPO'], env['WEAVER_REGISTRY']].find((given) => given !== undefined && given !== '')
  if (prefix !== undefined) return `${prefix.replace(/\/+$/, '')}/${name}`
  throw cliError(
    'WEAVER_CLI_USAGE',
    `it is not known where to push the image of "${name}" to; give --repo registry.example/team, or \`repo\` in [kube] of "${file}", or set WEAVER_KUBE_REPO`,
  )
}
