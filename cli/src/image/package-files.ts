import type { Stats } from 'node:fs'
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { z } from 'zod'
import { cliError } from '../errors/catalogue.js'

const dependencies = z.record(z.string(), z.string()).optional()
const packageJsonSchema = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  files: z.array(z.string()).optional(),
  dependencies,
  optionalDependencies: dependencies,
  peerDependencies: dependencies,
  peerDependenciesMeta: z.record(z.string(), z.looseObject({ optional: z.boolean().optional() })).optional(),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
})
export type PackageJson = z.output<typeof packageJsonSchema>

/** A file on this disk, by its path inside the package. */
export interface PackageFile {
  readonly path: string
  readonly source: string
  readonly size: number
  readonly isExecutable: boolean
}

/** @throws WeaverError `WEAVER_CLI_NOT_BUILT` when there is none, or it is no package.json */
export async function readPackageJson(folder: string): Promise<PackageJson> {
  const file = join(folder, 'package.json')
  let raw: unknown
  try {
    raw = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '') // what fs and JSON throw
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      isMissing
        ? `there is no "${file}"; give the folder of a package`
        : `"${file}" cannot be read: ${(cause as Error).message}; correct the file`,
      { cause },
    )
  }
  const parsed = packageJsonSchema.safeParse(raw)
  if (!parsed.success)
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${file}" is no package.json: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`,
    )
  return parsed.data
}

/** What never belongs into an image: version control, state of tools, and packages (those are placed by the dependency closure). */
const NEVER = new Set(['node_modules', '.git', '.hg', '.svn', '.DS_Store', '.npmrc', '.env'])

/**
 * The files of a package that an image gets, sorted by path. An installed package gives all it has, for its author has chosen already; one of the user's own
 * (a workspace, or the application) gives what `npm pack` would take: `files`, or everything that is not hidden.
 */
export async function listPackageFiles(
  folder: string,
  manifest: PackageJson,
  options: { readonly always?: readonly string[] } = {},
): Promise<readonly PackageFile[]> {
  const isInstalled = folder.split(sep).includes('node_modules')
  const patterns = isInstalled ? undefined : manifest.files
  const isWanted = patterns === undefined ? () => true : createFilter([...patterns, 'package.json', ...(options.always ?? [])])
  const found: PackageFile[] = []
  await walk(folder, '', { isHiddenTaken: isInstalled || patterns !== undefined, isWanted, found })
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

interface Walk {
  readonly isHiddenTaken: boolean
  readonly isWanted: (path: string) => boolean
  readonly found: PackageFile[]
}

async function walk(folder: string, prefix: string, options: Walk): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (NEVER.has(entry.name) || entry.name.endsWith('.tsbuildinfo') || (!options.isHiddenTaken && entry.name.startsWith('.'))) continue
    const source = join(folder, entry.name)
    const path = prefix + entry.name
    const info = entry.isSymbolicLink() ? await followLink(source) : await lstat(source)
    if (info?.isDirectory() === true) await walk(source, `${path}/`, options)
    else if (info?.isFile() === true && options.isWanted(path))
      options.found.push({ path, source, size: info.size, isExecutable: (info.mode & 0o111) !== 0 })
  }
}

/** A link to a file becomes that file. One to a folder is left out, for it may lead in a circle; so is one that leads nowhere. */
async function followLink(path: string): Promise<Stats | undefined> {
  try {
    const info = await stat(await realpath(path))
    return info.isFile() ? info : undefined
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined // what fs rejects with
    throw cause
  }
}

/** The patterns of `files` in package.json: a file, a folder with all below it, or a glob of `*`, `**`, `?`; `!` takes away. The last match counts. */
function createFilter(patterns: readonly string[]): (path: string) => boolean {
  const rules = patterns.map((pattern) => {
    const isTaken = !pattern.startsWith('!')
    const clean = pattern
      .replace(/^!/, '')
      .replace(/^\.?\//, '')
      .replace(/\/+$/, '')
    const source = clean.replaceAll(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) =>
      part === '**/' ? '(?:.*/)?' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part === '?' ? '[^/]' : `\\${part}`,
    )
    return { isTaken, pattern: clean === '' || clean === '.' ? /^/ : new RegExp(`^${source}(?:/.*)?$`) }
  })
  return (path) => rules.findLast((rule) => rule.pattern.test(path))?.isTaken === true
}
