/** The packages of a workspace that may have components, each after its dependencies. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rememberedProject } from './remembered-project.js'

export interface WorkspacePackage {
  readonly name: string
  /** Absolute. */
  readonly folder: string
  /** Names of its dependencies that are in the workspace and may have components. */
  readonly dependencies: readonly string[]
}

interface Manifest {
  readonly name?: string
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const PNPM_FILE = 'pnpm-workspace.yaml'
const SDK = '@weaver/sdk'

/**
 * Packages that have a tsconfig.json and depend on the SDK, ordered so that each can read the
 * graphs of its dependencies; packages in a dependency cycle are sorted by name.
 * @returns `undefined` if the folder is not the root of a workspace
 */
export async function workspacePackages(folder: string): Promise<readonly WorkspacePackage[] | undefined> {
  const patterns = await workspacePatterns(folder)
  if (patterns === undefined) return undefined
  // the root may itself be an application
  const found = [...new Set([...expand(folder, patterns), folder])].flatMap((at) => {
    const manifest = readManifest(at)
    if (manifest?.name === undefined || !existsSync(join(at, rememberedProject(at).tsconfig ?? 'tsconfig.json'))) return []
    const all = Object.keys({ ...manifest.devDependencies, ...manifest.peerDependencies, ...manifest.dependencies })
    return all.includes(SDK) ? [{ name: manifest.name, folder: at, all }] : []
  })
  const names = new Set(found.map(({ name }) => name))
  return inOrder(found.map(({ name, folder: at, all }) => ({ name, folder: at, dependencies: all.filter((one) => names.has(one)).sort() })))
}

async function workspacePatterns(folder: string): Promise<readonly string[] | undefined> {
  const workspaces = readManifest(folder)?.workspaces
  const patterns = Array.isArray(workspaces) ? (workspaces as readonly string[]) : (workspaces as { readonly packages?: readonly string[] } | undefined)?.packages // prettier-ignore
  if (patterns !== undefined) return patterns
  if (!existsSync(join(folder, PNPM_FILE))) return undefined
  const { parse } = await import('yaml')
  const { packages } = (parse(readFileSync(join(folder, PNPM_FILE), 'utf8')) ?? {}) as { readonly packages?: readonly string[] } // as pnpm documents it
  return packages ?? []
}

function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest // as npm documents it
  } catch {
    return undefined // not a package, or one that npm would reject
  }
}

/**
 * Folders matching the patterns: `*` is one segment of a path, `**` any number of them, and `!`
 * before a pattern excludes folders again.
 */
function expand(root: string, patterns: readonly string[]): readonly string[] {
  const found = new Set<string>()
  for (const pattern of patterns) {
    const isOut = pattern.startsWith('!')
    const parts = pattern
      .replace(/^!/, '')
      .split('/')
      .filter((part) => part !== '' && part !== '.')
    for (const folder of matching(root, parts)) {
      if (isOut) found.delete(folder)
      else if (existsSync(join(folder, 'package.json'))) found.add(folder)
    }
  }
  return [...found].sort()
}

function matching(at: string, [part, ...rest]: readonly string[]): readonly string[] {
  if (part === undefined) return [at]
  if (part === '**') return [...matching(at, rest), ...foldersIn(at).flatMap((folder) => matching(folder, [part, ...rest]))]
  if (!part.includes('*')) return existsSync(join(at, part)) ? matching(join(at, part), rest) : []
  const test = new RegExp(`^${part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`)
  return foldersIn(at)
    .filter((folder) => test.test(folder.slice(at.length + 1)))
    .flatMap((folder) => matching(folder, rest))
}

function foldersIn(at: string): readonly string[] {
  return readdirSync(at, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
    .map((entry) => join(at, entry.name))
}

function inOrder(packages: readonly WorkspacePackage[]): readonly WorkspacePackage[] {
  const byName = new Map(packages.map((one) => [one.name, one]))
  const done = new Set<WorkspacePackage>()
  const visit = (one: WorkspacePackage, above: readonly WorkspacePackage[]): void => {
    if (done.has(one) || above.includes(one)) return
    for (const name of one.dependencies) {
      const below = byName.get(name)
      if (below !== undefined) visit(below, [...above, one])
    }
    done.add(one)
  }
  for (const one of [...packages].sort((a, b) => (a.name < b.name ? -1 : 1))) visit(one, [])
  return [...done]
}
