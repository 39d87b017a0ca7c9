import type { WeaverToml } from '../../config/load-config.js'
import { cliError } from '../../errors/catalogue.js'
import { parseReference } from '../../image/reference.js'

export interface ImageNameOptions {
  /** Name of the application. */
  readonly name: string
  /** `--repo` */
  readonly repo?: string
  /** The flag to suggest if nothing names a repository. @default "--repo registry.example/team" */
  readonly flag?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Where an application's image is pushed, without a tag: `--repo`, `kube.image`, `kube.repo`,
 * `$WEAVER_KUBE_REPO`, `$WEAVER_REGISTRY`, in this order.
 * @throws WeaverError `WEAVER_CLI_USAGE` when none is given, `WEAVER_CLI_IMAGE_REFERENCE` when it
 * is not a name without a tag
 */
export function imageRepository(
  { kube, file }: WeaverToml,
  { name, repo, env, flag = '--repo registry.example/team' }: ImageNameOptions,
): string {
  if (repo === undefined && kube.image !== undefined) return untagged(kube.image, `\`image\` in [kube] of "${file}"`)
  const prefix = [repo, kube.repo, env['WEAVER_KUBE_REPO'], env['WEAVER_REGISTRY']].find((given) => given !== undefined && given !== '')
  if (prefix !== undefined) return untagged(`${prefix.replace(/\/+$/, '')}/${name}`, 'the place to push to')
  throw cliError(
    'WEAVER_CLI_USAGE',
    `it is not known where to push the image of "${name}" to; give ${flag}, or \`repo\` in [kube] of "${file}", or set WEAVER_KUBE_REPO`,
  )
}

function untagged(text: string, what: string): string {
  const { tag, digest } = parseReference(text)
  if (tag === undefined && digest === undefined) return text
  throw cliError(
    'WEAVER_CLI_IMAGE_REFERENCE',
    `${what}, "${text}", has a tag; leave it out: a tag is made from the content, or given by --tag`,
  )
}
