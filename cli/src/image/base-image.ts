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
import { findPlatform, formatPlatform, type Platform } from './platform.js'
import { formatReference, parseReference, type ImageReference } from './reference.js'
import type { FetchedManifest, RegistryClient } from './registry-client.js'

/** One platform of a base image. */
export interface BaseImage {
  readonly reference: ImageReference
  readonly digest: string
  /** As described by its index, else by its configuration. */
  readonly platform: Platform
  readonly format: ImageFormat
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

export interface BaseImageOptions {
  readonly client: RegistryClient
  /**
   * The required platforms. Empty: `linux/amd64` and this machine's architecture, if available; the
   * only platform of an image that has just one.
   */
  readonly platforms: readonly Platform[]
  readonly architecture: string
}

/** One image of a base; most entries of an index are not loaded unless chosen. */
interface Offer {
  readonly platform: Platform
  readonly read: () => Promise<BaseImage>
}

/**
 * Reads a base image; of a multi-platform image, the requested platforms.
 * @throws WeaverError `WEAVER_CLI_REGISTRY` when a platform is missing; the message lists the
 * available ones
 */
export async function readBaseImage(name: string, { client, platforms, architecture }: BaseImageOptions): Promise<readonly BaseImage[]> {
  const reference = parseReference(name)
  const top = await client.getManifest(reference)
  const index = indexSchema.safeParse(JSON.parse(top.body.toString()))
  const offers = index.success
    ? await offersOf(index.data.manifests, { reference, client })
    : [offer(await readOne(reference, { client, ...top }))]
  const has =
    offers.length === 0
      ? 'it has no image for any platform'
      : `it has ${offers.map((one) => `"${formatPlatform(one.platform)}"`).join(', ')}`
  const refuse = (why: string, remedy: string): Error =>
    cliError('WEAVER_CLI_REGISTRY', `base image "${formatReference(reference)}" has no ${why}; ${has}${remedy}`)
  const chosen =
    platforms.length > 0
      ? platforms.map((platform) => {
          const found = findPlatform(offers, platform)
          if (found === undefined) throw refuse(`platform "${formatPlatform(platform)}"`, '')
          return found
        })
      : usual(offers, architecture)
  if (chosen.length === 0) {
    const names = [...new Set(['amd64', architecture])].map((one) => `"linux/${one}"`)
    throw refuse(`platform ${names.join(' or ')}`, '. Name another with --platform')
  }
  return Promise.all([...new Set(chosen)].map((one) => one.read()))
}

function usual(offers: readonly Offer[], architecture: string): readonly Offer[] {
  if (offers.length === 1) return offers
  return ['amd64', architecture]
    .map((one) => findPlatform(offers, { os: 'linux', architecture: one }))
    .filter((found) => found !== undefined)
}

interface Place {
  readonly reference: ImageReference
  readonly client: RegistryClient
}

/**
 * Loads an image to learn its platform if the index does not state it. Entries that are not images
 * (attestations, signatures) are dropped.
 */
async function offersOf(descriptors: readonly Descriptor[], { reference, client }: Place): Promise<readonly Offer[]> {
  const offers = descriptors
    .filter(
      ({ mediaType, platform }) =>
        [MEDIA_TYPES.oci.manifest, MEDIA_TYPES.docker.manifest].some((one) => one === mediaType) && platform?.os !== 'unknown',
    )
    .map(async ({ digest, platform }): Promise<Offer | undefined> => {
      const read = async (): Promise<BaseImage> => readOne(reference, { client, ...(await client.getManifest({ ...reference, digest })) })
      if (platform !== undefined) return { platform, read: async () => ({ ...(await read()), platform }) }
      const found = await tryImage(reference, { client, ...(await client.getManifest({ ...reference, digest })) })
      return found === undefined ? undefined : offer(found)
    })
  return (await Promise.all(offers)).filter((one) => one !== undefined)
}

function offer(image: BaseImage): Offer {
  return { platform: image.platform, read: async () => image }
}

type Manifest = FetchedManifest & { readonly client: RegistryClient }

async function readOne(reference: ImageReference, manifest: Manifest): Promise<BaseImage> {
  const found = await tryImage(reference, manifest)
  if (found !== undefined) return found
  throw cliError(
    'WEAVER_CLI_REGISTRY',
    `base image "${formatReference(reference)}" has a manifest of a kind that is not supported (${manifest.mediaType}); use an OCI or Docker schema 2 image`,
  )
}

/** @returns `undefined` if it is not an image */
async function tryImage(reference: ImageReference, { client, digest, body }: Manifest): Promise<BaseImage | undefined> {
  const manifest = manifestSchema.safeParse(JSON.parse(body.toString())).data
  if (manifest === undefined) return undefined
  const raw = (await client.getBlob(reference, manifest.config.digest)).toString()
  const config = imageConfigSchema.safeParse(parseJson(raw)).data
  if (config === undefined) return undefined
  const format: ImageFormat = manifest.config.mediaType === MEDIA_TYPES.docker.config ? 'docker' : 'oci'
  return { reference, digest, platform: platformOf(config), format, manifest, config }
}

/** The configuration of an image contains the fields of a platform. */
function platformOf(config: ImageConfig): Platform {
  const { os, architecture } = config
  const rest = ['variant', 'os.version', 'os.features'].filter((key) => config[key] !== undefined).map((key) => [key, config[key]])
  return { os, architecture, ...Object.fromEntries(rest) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // configurations of other artifacts need not be JSON
  }
}
