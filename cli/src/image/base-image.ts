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
  /** As its index describes it, else as its configuration does. */
  readonly platform: Platform
  readonly format: ImageFormat
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

export interface BaseImageOptions {
  readonly client: RegistryClient
  /** What must be there. Empty: `linux/amd64` and this machine's architecture, as far as they are there; the one platform of an image that has no other. */
  readonly platforms: readonly Platform[]
  readonly architecture: string
}

/** One image of a base; of an index most are only named until they are chosen. */
interface Offer {
  readonly platform: Platform
  readonly read: () => Promise<BaseImage>
}

/**
 * Reads a base image. Of an image for many platforms those asked for are taken.
 * @throws WeaverError `WEAVER_CLI_REGISTRY` when a platform is not there; the message says which are
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

/** An image that its index gives no platform is asked for it. What is no image (an attestation, a signature) is no offer. */
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

/** @returns `undefined` for what is not an image */
async function tryImage(reference: ImageReference, { client, digest, body }: Manifest): Promise<BaseImage | undefined> {
  const manifest = manifestSchema.safeParse(JSON.parse(body.toString())).data
  if (manifest === undefined) return undefined
  const raw = (await client.getBlob(reference, manifest.config.digest)).toString()
  const config = imageConfigSchema.safeParse(parseJson(raw)).data
  if (config === undefined) return undefined
  const format: ImageFormat = manifest.config.mediaType === MEDIA_TYPES.docker.config ? 'docker' : 'oci'
  return { reference, digest, platform: platformOf(config), format, manifest, config }
}

/** An image's configuration has the fields of a platform among its own. */
function platformOf(config: ImageConfig): Platform {
  const { os, architecture } = config
  const rest = ['variant', 'os.version', 'os.features'].filter((key) => config[key] !== undefined).map((key) => [key, config[key]])
  return { os, architecture, ...Object.fromEntries(rest) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // the configuration of something else need not be JSON
  }
}
