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

/** A file on this disk, with its path inside the package. */
export interface PackageFile {
  readonly path: string
  readonly source: string
  readonly size: number
  readonly isExecutable: boolean
}

/** @throws WeaverError `WEAVER_CLI_NOT_BUILT` when it is missing or invalid */
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
      `"${file}" is not a package.json: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`,
    )
  return parsed.data
}

/**
 * What never goes into an image: version control, tools' state, and packages (dependency-closure.ts
 * places those).
 */
const NEVER = new Set(['node_modules', '.git', '.hg', '.svn', '.DS_Store', '.npmrc', '.env'])
/** By convention of this machine alone; `.env.production` and its like are not. */
const LOCAL_ENV = /^\.env(\..+)?\.local$/

export interface ListOptions {
  /** Patterns that apply whatever `files` says. */
  readonly always?: readonly string[]
  /** Receives each entry that belongs into the image but cannot be included. */
  readonly onLeftOut?: (what: string) => void
}

/**
 * The files of a package for an image, sorted by path. An installed package contributes all its
 * files, which its author has chosen already; one of the user's own (a workspace, or the
 * application) contributes what `npm pack` would take: `files`, or everything not hidden. A link
 * becomes what it points to.
 */
export async function listPackageFiles(
  folder: string,
  manifest: PackageJson,
  { always = [], onLeftOut = () => undefined }: ListOptions = {},
): Promise<readonly PackageFile[]> {
  const isInstalled = folder.split(sep).includes('node_modules')
  const patterns = isInstalled ? undefined : manifest.files
  const filter = patterns === undefined ? ALL : createFilter([...patterns, 'package.json', ...always])
  const found: PackageFile[] = []
  const real = await realpath(folder)
  await walk(
    { path: folder, prefix: '', parents: [real] },
    { isHiddenTaken: isInstalled || patterns !== undefined, filter, found, onLeftOut },
  )
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

interface Filter {
  readonly takes: (path: string) => boolean
  /** False if no path below the folder can match. */
  readonly looksInto: (path: string) => boolean
}
const ALL: Filter = { takes: () => true, looksInto: () => true }

interface Walk {
  readonly isHiddenTaken: boolean
  readonly filter: Filter
  readonly found: PackageFile[]
  readonly onLeftOut: (what: string) => void
}
interface Folder {
  readonly path: string
  readonly prefix: string
  /** Real paths of its parent folders and of itself. */
  readonly parents: readonly string[]
}

async function walk(folder: Folder, options: Walk): Promise<void> {
  const { filter, found, onLeftOut } = options
  for (const entry of await readdir(folder.path, { withFileTypes: true })) {
    if (NEVER.has(entry.name) || LOCAL_ENV.test(entry.name) || entry.name.endsWith('.tsbuildinfo')) continue
    if (!options.isHiddenTaken && entry.name.startsWith('.')) continue
    const source = join(folder.path, entry.name)
    const path = folder.prefix + entry.name
    if (!filter.takes(path) && !filter.looksInto(path)) continue
    const info = entry.isSymbolicLink() ? await followLink(source) : await lstat(source)
    if (info === undefined) {
      if (filter.takes(path)) onLeftOut(`"${source}" is a link that leads nowhere, and is left out`)
    } else if (info.isDirectory()) {
      const real = await realpath(source)
      const parent = folder.parents.find((one) => one === real || one.startsWith(real === sep ? sep : real + sep))
      if (parent === undefined) await walk({ path: source, prefix: `${path}/`, parents: [...folder.parents, real] }, options)
      else if (filter.takes(path)) onLeftOut(`"${source}" is a link to "${real}", which it is in itself, and is left out`)
    } else if (info.isFile() && filter.takes(path)) found.push({ path, source, size: info.size, isExecutable: (info.mode & 0o111) !== 0 })
    else if (filter.takes(path)) onLeftOut(`"${source}" is neither a file nor a folder, and is left out`)
  }
}

/** The target of a link; `undefined` if it is dangling or circular. */
async function followLink(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined // what fs rejects with
    throw cause
  }
}

/**
 * The patterns of `files` in package.json: a file, a folder with everything below it, or a glob of
 * `*`, `**`, `?`; `!` excludes. The last match wins.
 */
function createFilter(patterns: readonly string[]): Filter {
  const rules = patterns.map((pattern) => {
    const isTaken = !pattern.startsWith('!')
    const clean = pattern
      .replace(/^!/, '')
      .replace(/^\.?\//, '')
      .replace(/\/+$/, '')
    const source = clean.replaceAll(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) =>
      part === '**/' ? '(?:.*/)?' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part === '?' ? '[^/]' : `\\${part}`,
    )
    if (clean === '' || clean === '.') return { isTaken, root: '', pattern: /^/ }
    const [plain = ''] = clean.split(/[*?]/)
    // the folder above all matches: "views/" of "views/**/*.js", "" of "data?.txt"
    const root = plain === clean ? `${clean}/` : plain.slice(0, plain.lastIndexOf('/') + 1)
    return { isTaken, root, pattern: new RegExp(`^${source}(?:/.*)?$`) }
  })
  return {
    takes: (path) => rules.findLast((rule) => rule.pattern.test(path))?.isTaken === true,
    looksInto: (path) => rules.some(({ isTaken, root }) => isTaken && (root.startsWith(`${path}/`) || `${path}/`.startsWith(root))),
  }
}
