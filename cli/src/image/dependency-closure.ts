// Which packages an application needs at run time, and the place of each below /app/node_modules.
// Packages are resolved as Node does: from the real path of the importing package upwards. That
// covers npm, pnpm and yarn with node_modules, and workspaces.
// I1  A package resolves the same packages in the image as here, by real path; a peer dependency
//     may instead be the nearest copy.
// I2  The result depends on what is installed, not on the order of folders: names are visited
//     sorted, breadth first, the application's own first.
import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { cliError } from '../errors/catalogue.js'
import { allows, isNative, type NativePackage } from './native-packages.js'
import { readPackageJson, type PackageJson } from './package-files.js'

export interface PlacedPackage {
  readonly name: string
  /** Real path on this disk. */
  readonly source: string
  /** Path in the image, relative to the application: `node_modules/a/node_modules/b`. */
  readonly target: string
  readonly manifest: PackageJson
}

export interface ClosureOptions {
  /**
   * The operating system that the packages are for; optional packages for others are omitted.
   * @default "linux"
   */
  readonly os?: string
  /** Receives each package that is for certain platforms only, omitted or not. */
  readonly onNative?: (one: NativePackage) => void
}

/**
 * @throws WeaverError `WEAVER_CLI_DEPENDENCY_MISSING` naming every package that is not installed,
 * and its dependents.
 */
export async function resolveDependencies(
  folder: string,
  { os = 'linux', onNative }: ClosureOptions = {},
): Promise<readonly PlacedPackage[]> {
  const root = await realpath(folder)
  /** Real path by target. */
  const placed = new Map<string, string>()
  const packages: PlacedPackage[] = []
  const missing: string[] = []
  const queue: Pick<PlacedPackage, 'name' | 'source' | 'target' | 'manifest'>[] = [
    { name: '', source: root, target: '', manifest: await readPackageJson(root) },
  ]
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    for (const { name, isRequired, isPeer } of neededBy(current.manifest)) {
      const source = await findPackage(name, current.source)
      const visible = visibleFrom(current.target, name, placed)
      if (source === undefined) {
        if (isRequired && !(isPeer && visible !== undefined))
          missing.push(`"${name}", needed by "${current.manifest.name ?? current.source}"`)
        continue
      }
      if (visible !== undefined && (isPeer || placed.get(visible) === source)) continue
      const manifest = await readPackageJson(source)
      if (isNative(manifest)) onNative?.({ name, neededBy: current.manifest.name ?? current.source, os: manifest.os, cpu: manifest.cpu })
      if (!isRequired && !allows(manifest.os, os)) continue
      const place = visible === undefined ? `node_modules/${name}` : `${current.target}/node_modules/${name}`
      placed.set(place, source)
      const one = { name, source, target: place, manifest }
      packages.push(one)
      queue.push(one)
    }
  }
  if (missing.length > 0)
    throw cliError('WEAVER_CLI_DEPENDENCY_MISSING', `not installed: ${missing.join('; ')}. Run \`npm install\``, { details: { missing } })
  return packages.sort((a, b) => (a.target < b.target ? -1 : 1))
}

interface Need {
  readonly name: string
  readonly isRequired: boolean
  readonly isPeer: boolean
}

function neededBy(manifest: PackageJson): readonly Need[] {
  const needs = new Map<string, Need>()
  for (const name of Object.keys(manifest.peerDependencies ?? {}))
    needs.set(name, { name, isRequired: manifest.peerDependenciesMeta?.[name]?.optional !== true, isPeer: true })
  for (const name of Object.keys(manifest.dependencies ?? {})) needs.set(name, { name, isRequired: true, isPeer: false })
  // npm repeats optional dependencies under `dependencies` when it publishes
  for (const name of Object.keys(manifest.optionalDependencies ?? {})) needs.set(name, { name, isRequired: false, isPeer: false })
  return [...needs.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The target that a package at `from` loads for `name`. */
function visibleFrom(from: string, name: string, placed: ReadonlyMap<string, string>): string | undefined {
  for (let at = from; ;) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (placed.has(candidate)) return candidate
    if (at === '') return undefined
    const outer = at.lastIndexOf('/node_modules/')
    at = outer < 0 ? '' : at.slice(0, outer)
  }
}

async function findPackage(name: string, from: string): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    if (basename(folder) !== 'node_modules') {
      try {
        return dirname(await realpath(join(folder, 'node_modules', name, 'package.json')))
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException // what fs rejects with
        if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cause
      }
    }
    if (dirname(folder) === folder) return undefined
  }
}
