import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { cliError } from '../errors/catalogue.js'
import type { BuiltImage, PlatformImage } from './build-image.js'
import { sha256, type Descriptor } from './oci.js'
import { formatReference, type ImageReference } from './reference.js'
import type { RegistryClient } from './registry-client.js'

export interface PushOptions {
  readonly client: RegistryClient
  /** Cache for blobs of base images that are copied from one registry to another. */
  readonly cacheFolder: string
  readonly onBlob?: (what: { readonly digest: string; readonly size: number; readonly how: 'there' | 'mounted' | 'uploaded' }) => void
}

/**
 * Writes an image to a registry; content that is already there is not sent again. Idempotent. The
 * tag is written last, when everything it needs is there.
 */
export async function pushImage(image: BuiltImage, target: ImageReference, options: PushOptions): Promise<void> {
  if (await options.client.hasManifest(target, image.digest)) return
  const own = new Map(image.layers.map((layer) => [layer.digest, layer.file]))
  for (const platform of image.images) {
    const blobs = platform.manifest.length === 0 ? [] : layersOf(platform)
    await inParallel(blobs, 3, (blob) => sendBlob(blob, { platform, target, own, options }))
    const digest = sha256(platform.config)
    if (!(await options.client.hasBlob(target, digest))) await options.client.putBlob(target, digest, { data: platform.config })
    const { tag: _tag, ...repository } = target
    const place = image.index === undefined ? target : { ...repository, digest: platform.digest }
    await options.client.putManifest(place, { body: platform.manifest, mediaType: platform.mediaType })
  }
  if (image.index !== undefined) await options.client.putManifest(target, image.index)
}

function layersOf(platform: PlatformImage): readonly Descriptor[] {
  const { layers } = JSON.parse(platform.manifest.toString()) as { readonly layers: readonly Descriptor[] } // written by buildImage
  // an image may contain the same layer twice
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
}

interface BlobContext {
  readonly platform: PlatformImage
  readonly target: ImageReference
  readonly own: ReadonlyMap<string, string>
  readonly options: PushOptions
}

async function sendBlob({ digest, size }: Descriptor, { platform, target, own, options }: BlobContext): Promise<void> {
  const { client, onBlob } = options
  if (await client.hasBlob(target, digest)) return onBlob?.({ digest, size, how: 'there' })
  const file = own.get(digest)
  const from = platform.base.reference
  if (file === undefined && (await client.mountBlob(target, digest, from))) return onBlob?.({ digest, size, how: 'mounted' })
  await client.putBlob(target, digest, { file: file ?? (await fetchBlob(digest, { from, options })) })
  onBlob?.({ digest, size, how: 'uploaded' })
}

/** Downloads a blob of another registry to this disk. */
async function fetchBlob(
  digest: string,
  { from, options }: { readonly from: ImageReference; readonly options: PushOptions },
): Promise<string> {
  await mkdir(options.cacheFolder, { recursive: true })
  const file = join(options.cacheFolder, digest.replace(':', '-'))
  const isThere = await stat(file).then(
    () => true,
    () => false,
  )
  if (isThere) return file
  const unfinished = `${file}.${process.pid}.${Date.now()}`
  const hash = createHash('sha256')
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    await pipeline(await options.client.streamBlob(from, digest), check, createWriteStream(unfinished))
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw cliError('WEAVER_CLI_REGISTRY', `a layer of "${formatReference(from)}" arrived damaged (${digest}); try again`)
    await rename(unfinished, file)
  } finally {
    await rm(unfinished, { force: true })
  }
  return file
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}
