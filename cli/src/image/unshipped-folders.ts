import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** What is written for the build, for its tests and for readers: it is not read when the application runs. */
const OF_THE_BUILD = /^\.(?:[cm]?[jt]sx?|json|map|md|snap|toml|ya?ml|sh|lock|tgz)$/
const NOT_READ = new Set(['node_modules', 'coverage', 'docs', 'e2e', 'fixtures', 'scripts', 'test', 'testdata', 'tests'])

/**
 * Folders at the top of a package that hold what an application may read when it runs, templates or
 * static files say: those with a file that is neither code nor configuration.
 * @param built the folder of the build
 */
export async function unshippedFolders(folder: string, built: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry
    if (!entry.isDirectory() || name === built || name === 'src' || name.startsWith('.') || NOT_READ.has(name)) continue
    if (await holdsData(join(folder, name))) found.push(name)
  }
  return found.sort()
}

async function holdsData(folder: string): Promise<boolean> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    if (entry.isDirectory() ? await holdsData(join(folder, entry.name)) : entry.isFile() && !OF_THE_BUILD.test(extname(entry.name)))
      return true
  }
  return false
}
