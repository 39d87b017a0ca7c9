import { cliError } from '../errors/catalogue.js'
import {
  imageConfigSchema,
  indexSchema,
  manifestSchema,
  MEDIA_TYPES,
  type Descriptor,
  type ImageConfig,
  type ImageFormat,
  type ImageManifest,
} from './oci.js'
import { formatReference, parseReference, type ImageReference } from './reference.js'
import type { RegistryClient } from './registry-client.js'

/** One platform of a base image. */
export interface BaseImage {
  readonly reference: ImageReference
  readonly digest: string
  /** `linux/amd64` */
  readonly platform: string
  readonly format: ImageFormat
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

/**
 * Reads a base image. Of an image for many platforms those asked for are taken.
 * @param platforms what must be there; empty: `linux/amd64` and this machine's architecture, as far as they are there
 * @throws WeaverError `WEAVER_CLI_REGISTRY` when a platform is not there
 */
export async function readBaseImage(
  name: string,
  {
    client,
    platforms,
    architecture,
  }: { readonly client: RegistryClient; readonly platforms: readonly string[]; readonly architecture: string },
): Promise<readonly BaseImage[]> {
  const reference = parseReference(name)
  const top = await client.getManifest(reference)
  const raw: unknown = JSON.parse(top.body.toString())
  const index = indexSchema.safeParse(raw)
  if (!index.success) return [await readOne(reference, { client, digest: top.digest, body: top.body, mediaType: top.mediaType })]
  const offered = index.data.manifests.filter((m) => m.platform !== undefined && m.platform.os !== 'unknown')
  const wanted =
    platforms.length > 0
      ? platforms
      : [...new Set(['linux/amd64', `linux/${architecture}`])].filter((p) => offered.some((m) => matches(m, p)))
  const chosen = wanted.map((platform) => {
    const found = offered.find((m) => matches(m, platform))
    if (found !== undefined) return found
    throw cliError(
      'WEAVER_CLI_REGISTRY',
      `base image "${formatReference(reference)}" has no platform "${platform}"; it has ${offered.map((m) => `"${platformOf(m)}"`).join(', ')}`,
    )
  })
  if (chosen.length === 0)
    throw cliError(
      'WEAVER_CLI_REGISTRY',
      `base image "${formatReference(reference)}" has neither linux/amd64 nor linux/${architecture}; name a platform with --platform`,
    )
  return Promise.all(
    chosen.map(async (descriptor) => {
      const found = await client.getManifest({ ...reference, digest: descriptor.digest })
      return readOne(reference, { client, ...found })
    }),
  )
}

async function readOne(
  reference: ImageReference,
  {
    client,
    digest,
    body,
    mediaType,
  }: { readonly client: RegistryClient; readonly digest: string; readonly body: Buffer; readonly mediaType: string },
): Promise<BaseImage> {
  const parsed = manifestSchema.safeParse(JSON.parse(body.toString()))
  if (!parsed.success)
    throw cliError(
      'WEAVER_CLI_REGISTRY',
      `base image "${formatReference(reference)}" has a manifest of a kind that is not supported (${mediaType}); use an OCI or Docker schema 2 image`,
    )
  const manifest = parsed.data
  const config = imageConfigSchema.parse(JSON.parse((await client.getBlob(reference, manifest.config.digest)).toString()))
  const format: ImageFormat = manifest.config.mediaType === MEDIA_TYPES.docker.config ? 'docker' : 'oci'
  return { reference, digest, platform: `${config.os}/${config.architecture}`, format, manifest, config }
}

function matches(descriptor: Descriptor, platform: string): boolean {
  return platformOf(descriptor) === platform || platformOf(descriptor).startsWith(`${platform}/`)
}

function platformOf({ platform }: Descriptor): string {
  if (platform === undefined) return 'unknown'
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/')
}
