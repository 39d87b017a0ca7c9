import { createHash } from 'node:crypto'
import type { BaseImage } from './base-image.js'
import type { Layer } from './layer.js'
import { MEDIA_TYPES, sha256, type Descriptor } from './oci.js'
import { formatReference } from './reference.js'

/** How processes of the image start. */
export interface RunSettings {
  readonly entrypoint: readonly string[]
  readonly args: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/** One platform of an image: everything except the bytes of its layers. */
export interface PlatformImage {
  readonly base: BaseImage
  readonly config: Buffer<ArrayBuffer>
  readonly manifest: Buffer<ArrayBuffer>
  readonly mediaType: string
  readonly digest: string
}

export interface BuiltImage {
  readonly images: readonly PlatformImage[]
  /** Present if there are several platforms. */
  readonly index?: { readonly body: Buffer<ArrayBuffer>; readonly mediaType: string }
  /** The digest by which the image is referenced. */
  readonly digest: string
  readonly layers: readonly Layer[]
}

/** User and group of Weaver's images; pods must not run as root. */
export const RUN_AS = '1000:1000'
const EPOCH = '1970-01-01T00:00:00Z'

/** Puts layers on top of a base image. Pure: the same base and layers yield the same digest. */
export function buildImage(bases: readonly BaseImage[], layers: readonly Layer[], settings: RunSettings): BuiltImage {
  const images = bases.map((base) => buildPlatform(base, layers, settings))
  const [first] = images
  if (first === undefined) throw new RangeError('an image needs a base') // readBaseImage returns at least one
  if (images.length === 1) return { images, digest: first.digest, layers }
  const types = MEDIA_TYPES[first.base.format]
  const body = json({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: images.map((image) => ({
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.manifest.length,
      platform: image.base.platform,
    })),
  })
  return { images, index: { body, mediaType: types.index }, digest: sha256(body), layers }
}

/** A tag derived from the image's content, independent of its compression. */
export function contentTag(bases: readonly BaseImage[], layers: readonly Pick<Layer, 'diffId'>[], settings: RunSettings): string {
  const parts = [
    bases.map((base) => base.digest),
    layers.map((layer) => layer.diffId),
    settings.entrypoint,
    settings.args,
    Object.entries(settings.labels).sort(),
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}

function buildPlatform(base: BaseImage, layers: readonly Layer[], settings: RunSettings): PlatformImage {
  const types = MEDIA_TYPES[base.format]
  const { config: run = {}, history, rootfs, ...rest } = base.config
  const labels = {
    ...run.Labels,
    'org.opencontainers.image.base.name': formatReference(base.reference),
    'org.opencontainers.image.base.digest': base.digest,
    ...settings.labels,
  }
  const { Entrypoint: _entrypoint, Cmd: _cmd, ...kept } = run
  const config = json({
    ...rest,
    created: EPOCH,
    config: {
      ...kept,
      Env: [...(run.Env ?? []).filter((entry) => !entry.startsWith('NODE_ENV=')), 'NODE_ENV=production'],
      Entrypoint: settings.entrypoint,
      ...(settings.args.length === 0 ? {} : { Cmd: settings.args }),
      WorkingDir: '/app',
      User: RUN_AS,
      Labels: labels,
    },
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, ...layers.map((layer) => layer.diffId)] },
    history: [...(history ?? []), ...layers.map((layer) => ({ created: EPOCH, created_by: `weaver: ${layer.name}` }))],
  })
  const own = layers.map((layer): Descriptor => ({ mediaType: types.layer, digest: layer.digest, size: layer.size }))
  const manifest = json({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: sha256(config), size: config.length },
    layers: [...base.manifest.layers, ...own],
  })
  return { base, config, manifest, mediaType: types.manifest, digest: sha256(manifest) }
}

function json(value: unknown): Buffer<ArrayBuffer> {
  return Buffer.from(JSON.stringify(value))
}
