import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GRAPH_FILE, GRAPH_IMAGE_PATH, type ComponentGraph } from '@weaver/sdk/contract'
import { buildCommandFor } from '../packages/build-command.js'
import { cliError } from '../errors/catalogue.js'
import { findGraph } from '../graph/package-graph.js'
import { resolveDependencies } from './dependency-closure.js'
import { packLayer, pruneLayerCache, type Layer, type LayerFile } from './layer.js'
import type { NativePackage } from './native-packages.js'
import { listPackageFiles, readPackageJson } from './package-files.js'
import { unshippedFolders } from './unshipped-folders.js'

export interface ApplicationPackage {
  /** Folder of the package. */
  readonly folder: string
  /** The file that `node` runs, relative to the folder; checked to exist. */
  readonly main: string
  /** Without a graph the image is not a Weaver application: the operator itself, for instance. */
  readonly hasGraph: boolean
  /** Adds to the graph what types do not say. @default the graph as generated */
  readonly describe?: (graph: ComponentGraph) => Promise<ComponentGraph>
}

export interface ApplicationLayers {
  readonly layers: readonly Layer[]
  readonly fingerprint?: string
  /** Dependencies that are for certain platforms only. */
  readonly natives: readonly NativePackage[]
  /** Files missing in the image, a sentence each. */
  readonly leftOut: readonly string[]
}

const APP_FOLDER = 'app'

/**
 * The layers on top of a base image, the least often changed first: the production dependencies,
 * the application, its component graph.
 * @throws WeaverError `WEAVER_CLI_NOT_BUILT`, `WEAVER_CLI_DEPENDENCY_MISSING`
 */
export async function buildApplicationLayers(app: ApplicationPackage, cacheFolder: string): Promise<ApplicationLayers> {
  const folder = await realpath(app.folder)
  const manifest = await readPackageJson(folder)
  await mustExist(folder, app.main)
  const graph = app.hasGraph ? await graphOf(folder) : undefined
  const described = graph === undefined ? undefined : ((await app.describe?.(graph)) ?? graph)

  const natives: NativePackage[] = []
  const leftOut: string[] = []
  const onLeftOut = (what: string): void => void leftOut.push(what)
  const packages = await resolveDependencies(folder, { onNative: (one) => natives.push(one) })
  const dependencies: LayerFile[] = []
  for (const one of packages)
    for (const file of await listPackageFiles(one.source, one.manifest, { onLeftOut }))
      dependencies.push({
        path: `${APP_FOLDER}/${one.target}/${file.path}`,
        content: { file: file.source },
        size: file.size,
        isExecutable: file.isExecutable,
      })
  // Without `files` an application contributes its build, but no sources, tests or tool
  // configuration.
  const built = app.main.includes('/') ? (app.main.split('/')[0] ?? app.main) : app.main
  const application = (
    await listPackageFiles(folder, { ...manifest, files: manifest.files ?? [built] }, { always: [built], onLeftOut })
  ).map((file) => ({
    path: `${APP_FOLDER}/${file.path}`,
    content: { file: file.source },
    size: file.size,
    isExecutable: file.isExecutable,
  }))
  if (manifest.files === undefined)
    for (const name of await unshippedFolders(folder, built))
      onLeftOut(
        `"${join(folder, name)}" is not in the image; if the application reads it, name it in package.json: "files": ["${built}", "${name}"]`,
      )
  const layers = [
    ...(dependencies.length === 0 ? [] : [await packLayer('dependencies', dependencies, cacheFolder)]),
    await packLayer('application', application, cacheFolder),
    ...(described === undefined ? [] : [await packLayer('component graph', [graphFile(described)], cacheFolder)]),
  ]
  await pruneLayerCache(cacheFolder)
  return { layers, natives, leftOut, ...(described === undefined ? {} : { fingerprint: described.fingerprint }) }
}

async function graphOf(folder: string): Promise<ComponentGraph> {
  const graph = await findGraph(folder)
  if (graph !== undefined) return graph
  throw cliError(
    'WEAVER_CLI_NOT_BUILT',
    `"${folder}" has no ${GRAPH_FILE}; run \`weaver generate\`, or give --no-graph when it is not a Weaver application`,
  )
}

function graphFile(graph: ComponentGraph): LayerFile {
  const data = Buffer.from(`${JSON.stringify(graph, null, 2)}\n`)
  return { path: GRAPH_IMAGE_PATH.slice(1), content: { data }, size: data.length, isExecutable: false }
}

async function mustExist(folder: string, main: string): Promise<void> {
  if (!(await exists(join(folder, main))))
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${join(folder, main)}" does not exist; build it first (\`${buildCommandFor(folder)}\`), or name another file with \`binary\` or --entrypoint`,
    )
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false // what fs rejects with
    throw cause
  }
}
