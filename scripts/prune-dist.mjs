// Takes away from every dist what has no source any more: `tsc -b` writes, and removes nothing, so a file that was renamed would be shipped under both names.
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const EMITTED = /\.(?:d\.ts|js)(?:\.map)?$/

/** The packages of this workspace, as folders below it. */
export function workspaceFolders() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folders = workspaces.flatMap((pattern) =>
    pattern.endsWith('/*') ? readdirSync(join(root, pattern.slice(0, -2))).map((name) => pattern.slice(0, -1) + name) : [pattern],
  )
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json')))
}

export function pruneDist() {
  for (const folder of workspaceFolders()) {
    const dist = join(root, folder, 'dist')
    if (!existsSync(join(dist, '.tsbuildinfo'))) continue
    // A package may have a second project, for its scripts of the browser.
    const infos = readdirSync(dist).filter((name) => name.endsWith('.tsbuildinfo'))
    const built = infos.flatMap((name) => {
      const { fileNames, options } = JSON.parse(readFileSync(join(dist, name), 'utf8')) // paths are relative to it
      const sources = resolve(dist, options.rootDir)
      return fileNames.map((file) => join(dist, relative(sources, resolve(dist, file))).replace(/\.tsx?$/, ''))
    })
    prune(dist, new Set(built))
  }
}

function prune(folder, built) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) prune(path, built)
    else if (EMITTED.test(path) && !built.has(path.replace(EMITTED, ''))) rmSync(path)
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) pruneDist()
