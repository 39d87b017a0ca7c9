// Layers of an image as reproducible tars: the same files yield the same bytes on every machine at
// any time. Packed layers are cached by content, so an unchanged one is neither packed nor
// compressed again.
import { createHash, type Hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import { z } from 'zod'

export interface LayerFile {
  /** Path in the image without a leading slash. */
  readonly path: string
  readonly content: { readonly file: string } | { readonly data: Buffer }
  readonly size: number
  readonly isExecutable: boolean
}

export interface Layer {
  /** For messages: `dependencies`, `application`, `component graph`. */
  readonly name: string
  /** Digest of the compressed tar. */
  readonly digest: string
  /** Digest of the uncompressed tar. */
  readonly diffId: string
  readonly size: number
  /** Path of the compressed tar. */
  readonly file: string
  readonly fileCount: number
  readonly isFromCache: boolean
}

/** Increased whenever packing changes, so that old cache entries are not reused. */
const PACKING = 'weaver-layer-2'
const KEEP_MS = 30 * 24 * 3600 * 1000
const metaSchema = z.object({ digest: z.string(), diffId: z.string(), size: z.number() })

/** @param cacheFolder created if missing; entries unused for 30 days are removed */
export async function packLayer(name: string, files: readonly LayerFile[], cacheFolder: string): Promise<Layer> {
  await mkdir(cacheFolder, { recursive: true })
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1))
  const key = await contentKey(sorted)
  const file = join(cacheFolder, `${key}.tar.gz`)
  const cached = await readMeta(`${file}.json`, file)
  if (cached !== undefined) return { name, ...cached, file, fileCount: files.length, isFromCache: true }
  const unfinished = `${file}.${process.pid}.${Date.now()}`
  const meta = await writeLayer(sorted, unfinished)
  await rename(unfinished, file)
  await writeFile(`${file}.json`, JSON.stringify(meta))
  return { name, ...meta, file, fileCount: files.length, isFromCache: false }
}

/** Removes entries unused for 30 days. */
export async function pruneLayerCache(cacheFolder: string, now: number = Date.now()): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    const path = join(cacheFolder, entry)
    if (now - (await stat(path)).mtimeMs > KEEP_MS) await rm(path, { force: true })
  }
}

async function contentKey(files: readonly LayerFile[]): Promise<string> {
  const hash = createHash('sha256').update(PACKING)
  const digests: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < files.length; i = next++) {
      const content = files[i]?.content
      if (content !== undefined)
        digests[i] = 'data' in content ? createHash('sha256').update(content.data).digest('hex') : await hashFile(content.file)
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  files.forEach((file, i) => hash.update(`\0${file.path}\0${file.isExecutable ? 'x' : '-'}\0${digests[i]}`))
  return hash.digest('hex')
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  hash.update(await readFile(path))
  return hash.digest('hex')
}

async function readMeta(metaFile: string, layerFile: string): Promise<z.output<typeof metaSchema> | undefined> {
  try {
    const meta = metaSchema.parse(JSON.parse(await readFile(metaFile, 'utf8')))
    if ((await stat(layerFile)).size !== meta.size) return undefined
    const now = new Date()
    await Promise.all([utimes(metaFile, now, now), utimes(layerFile, now, now)])
    return meta
  } catch {
    return undefined // missing or damaged: the layer is packed again
  }
}

async function writeLayer(files: readonly LayerFile[], target: string): Promise<z.output<typeof metaSchema>> {
  const tar = pack()
  const diffHash = createHash('sha256')
  const hash = createHash('sha256')
  let size = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const written = pipeline(tar, tee(diffHash), createGzip({ level: 6 }), count, createWriteStream(target))
  const added = addFiles(tar, files).catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    await Promise.all([written, added])
  } catch (error) {
    await rm(target, { force: true })
    throw error
  }
  return { digest: `sha256:${hash.digest('hex')}`, diffId: `sha256:${diffHash.digest('hex')}`, size }
}

function tee(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
}

async function addFiles(tar: ReturnType<typeof pack>, files: readonly LayerFile[]): Promise<void> {
  const fixed = { uid: 0, gid: 0, uname: '', gname: '' }
  const folders = new Set<string>()
  for (const file of files) {
    const parts = file.path.split('/').slice(0, -1)
    for (let i = 1; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join('/')
      if (folders.has(folder)) continue
      folders.add(folder)
      tar.entry({ ...fixed, name: `${folder}/`, type: 'directory', mode: 0o755, mtime: new Date(0) })
    }
    const mode = file.isExecutable ? 0o755 : 0o644
    const content = 'data' in file.content ? file.content.data : await readFile(file.content.file)
    await new Promise<void>((resolve, reject) => {
      tar.entry({ ...fixed, name: file.path, type: 'file', mode, mtime: timeOf(content), size: content.length }, content, (error) =>
        error ? reject(error) : resolve(),
      )
    })
  }
  tar.finalize()
}

/**
 * A time derived from the content alone. File servers (`send`, nginx) build `ETag` and
 * `Last-Modified` from size and time: if all files had one time, browsers would keep a file of the
 * last release when the new one has the same size. Between 1980, where ZIP begins, and 2011: never
 * in the future.
 */
function timeOf(content: Buffer): Date {
  const SECONDS_TO_1980 = 315_532_800
  return new Date((SECONDS_TO_1980 + (createHash('sha256').update(content).digest().readUInt32BE() % 1_000_000_000)) * 1_000)
}
