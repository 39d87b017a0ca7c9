import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { DEFAULT_MAIN } from '../config/default-main.js'
import { describedGraph } from '../describe/described-graph.js'
import { cliError } from '../errors/catalogue.js'
import { createHttpClient } from '../http/http-client.js'
import { formatBytes, formatSeconds } from '../print/table.js'
import { buildApplicationLayers } from './application-layers.js'
import { readBaseImage } from './base-image.js'
import { buildImage, contentTag, type RunSettings } from './build-image.js'
import { buildWithEngine, findEngine, type Engine } from './container-engine.js'
import type { Layer } from './layer.js'
import { foreignPackages } from './native-packages.js'
import { formatPlatform, parsePlatform, type Platform } from './platform.js'
import { pushImage } from './push-image.js'
import { formatReference, parseReference } from './reference.js'
import { RegistryClient } from './registry-client.js'
import { createCredentialFinder } from './registry-credentials.js'

export const DEFAULT_BASE_IMAGE = 'docker.io/library/node:24-slim'

export interface MakeImageOptions {
  /** Folder of the package. */
  readonly folder: string
  /**
   * Command of the image; its last word that names a file of the package must exist. @default
   * ["node", "dist/main.js"]
   */
  readonly entrypoint?: readonly string[]
  readonly args?: readonly string[]
  /** @default "docker.io/library/node:24-slim" */
  readonly base?: string
  /** Where to push; without a tag, one is derived from the content. */
  readonly target: string
  /** @default "auto" */
  readonly engine?: 'auto' | 'none' | Engine
  readonly platforms?: readonly string[]
  readonly insecureRegistries?: readonly string[]
  /** @default true */
  readonly hasGraph?: boolean
  /**
   * The component graph, if already described.
   * @default the one beside the package, described by running the entrypoint
   */
  readonly graph?: ComponentGraph
  readonly env: Readonly<Record<string, string | undefined>>
  /** Architecture of this machine, by Node's name. @default process.arch */
  readonly architecture?: string
  readonly onProgress: (line: string) => void
  readonly signal?: AbortSignal
}

export interface MadeImage {
  /** `registry/repository:tag@sha256:…` */
  readonly pinned: string
  readonly reference: string
  readonly digest: string
  readonly engine: Engine | 'none'
  readonly layers: readonly {
    readonly name: string
    readonly digest: string
    readonly diffId: string
    readonly size: number
    readonly files: number
    readonly cached: boolean
  }[]
  readonly durationMs: number
}

/**
 * Builds an image of a package and pushes it, with a container engine if one works, else without.
 */
export async function makeImage(options: MakeImageOptions): Promise<MadeImage> {
  const started = performance.now()
  const target = parseReference(options.target)
  const platforms = (options.platforms ?? []).map(parsePlatform)
  if (platforms.length > 1 && options.engine !== undefined && !['auto', 'none'].includes(options.engine))
    throw cliError('WEAVER_CLI_USAGE', `${options.engine} builds for one platform, and ${platforms.length} are given; give --engine none`)
  const entrypoint = options.entrypoint ?? ['node', DEFAULT_MAIN]
  const cache = cacheFolder(options.env)
  const { layers, fingerprint, natives, leftOut } = await buildApplicationLayers(
    {
      folder: options.folder,
      main: mainOf(entrypoint),
      hasGraph: options.hasGraph ?? true,
      describe: async (graph) =>
        options.graph ??
        describedGraph({
          folder: options.folder,
          command: entrypoint,
          graph,
          env: options.env,
          onWarning: (line) => options.onProgress(`warning: ${line}`),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        }),
    },
    join(cache, 'layers'),
  )
  for (const layer of layers)
    options.onProgress(`layer ${layer.name}: ${layer.fileCount} files, ${formatBytes(layer.size)}${layer.isFromCache ? ' (cached)' : ''}`)
  for (const sentence of leftOut) options.onProgress(`warning: ${sentence}`)
  const warnOfForeign = (of: readonly Platform[]): void => {
    for (const sentence of of.flatMap((platform) => foreignPackages(natives, platform))) options.onProgress(`warning: ${sentence}`)
  }
  const settings: RunSettings = {
    entrypoint,
    args: options.args ?? [],
    labels: fingerprint === undefined ? {} : { 'weaver.dev/graph-fingerprint': fingerprint },
  }
  const architecture = (options.architecture ?? process.arch) === 'x64' ? 'amd64' : (options.architecture ?? process.arch)
  const engine = await chooseEngine(options)
  const base = options.base ?? DEFAULT_BASE_IMAGE
  const finish = (reference: ReturnType<typeof parseReference>, digest: string): MadeImage => {
    const durationMs = Math.round(performance.now() - started)
    const pinned = formatReference({ ...reference, digest })
    options.onProgress(`pushed ${pinned} in ${formatSeconds(durationMs)}`)
    return { pinned, reference: formatReference(reference), digest, engine, layers: layers.map(summary), durationMs }
  }
  if (engine !== 'none') {
    const tagged = { ...target, tag: target.tag ?? contentTag([], layers, settings) }
    options.onProgress(`building upon ${base} with ${engine}`)
    const [platform] = platforms
    warnOfForeign([platform ?? { os: 'linux', architecture }])
    const digest = await buildWithEngine(engine, {
      base,
      layers,
      settings,
      target: tagged,
      ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
      isInsecure: options.insecureRegistries?.includes(target.registry) === true,
      env: options.env,
      onOutput: options.onProgress,
    })
    return finish(tagged, digest)
  }
  const client = new RegistryClient({
    http: createHttpClient(options.env),
    credentials: createCredentialFinder(options.env),
    insecureRegistries: options.insecureRegistries ?? [],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const bases = await readBaseImage(base, { client, platforms, architecture })
  options.onProgress(`building upon ${base} (${bases.map((one) => formatPlatform(one.platform)).join(', ')}) without a container engine`)
  warnOfForeign(bases.map((one) => one.platform))
  const image = buildImage(bases, layers, settings)
  const tagged = { ...target, tag: target.tag ?? contentTag(bases, layers, settings) }
  await pushImage(image, tagged, {
    client,
    cacheFolder: join(cache, 'blobs'),
    onBlob: ({ digest, size, how }) => {
      if (how === 'uploaded') options.onProgress(`uploaded ${digest.slice(0, 19)}… ${formatBytes(size)}`)
    },
  })
  return finish(tagged, image.digest)
}

async function chooseEngine({ engine = 'auto', env, platforms = [] }: MakeImageOptions): Promise<Engine | 'none'> {
  // engines build one platform at a time
  if (engine === 'auto' && platforms.length > 1) return 'none'
  return engine === 'auto' ? ((await findEngine(env)) ?? 'none') : engine
}

/** `$XDG_CACHE_HOME/weaver`, else `~/.cache/weaver`. */
function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache'), 'weaver')
}

/** `dist/main.js` is run by node; a text with a blank is a command of its own. */
export function parseEntrypoint(text: string): readonly string[] {
  const words = text.trim().split(/\s+/)
  if (words[0] === '')
    throw cliError('WEAVER_CLI_USAGE', `--entrypoint is empty; give a file that node runs, such as ${DEFAULT_MAIN}, or a command`)
  return words.length === 1 ? ['node', ...words] : words
}

/** The file of the package that a command runs: its first word that is the path of a script. */
function mainOf(entrypoint: readonly string[]): string {
  return (entrypoint.find((word) => /\.[cm]?js$/.test(word)) ?? entrypoint.at(-1) ?? DEFAULT_MAIN).replace(/^\.?\//, '')
}

function summary({ name, digest, diffId, size, fileCount, isFromCache }: Layer): MadeImage['layers'][number] {
  return { name, digest, diffId, size, files: fileCount, cached: isFromCache }
}
