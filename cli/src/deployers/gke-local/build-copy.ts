import { chmod, copyFile, lstat, mkdir, realpath, stat, symlink } from 'node:fs/promises'
import { dirname, join, parse, relative, resolve, sep } from 'node:path'
import { listPackageFiles, readPackageJson, type PackageFile } from '../../image/package-files.js'
import type { Launch } from '../../config/launch.js'

export interface BuildToCopy {
  /** Of the package. */
  readonly folder: string
  readonly launch: Launch
  /** Receives, as a sentence, each thing that the version may need and that is not in the copy. */
  readonly onLeftOut: (what: string) => void
}

/**
 * Copies the build of an application, so that a version stays what it was when the next one is
 * built over it: a process of it that is started again, days later, runs the same code. Copied is
 * what `files` of its package.json names, or all of the package that is not hidden: any of it may
 * be read when it runs. Installed packages are not, they are reached by links.
 * @returns how the copy is started; the launch as it is when its binary is not in the package
 */
export async function copyBuild({ folder, launch, onLeftOut }: BuildToCopy, to: string, signal?: AbortSignal): Promise<Launch> {
  const real = await realpath(folder)
  const binary = relative(real, await realpath(launch.binary))
  if (binary.startsWith('..') || resolve(binary) === binary) {
    onLeftOut(
      `"${launch.binary}" is not in the package "${folder}", and so is not copied: when it is built again, the versions that run change with it`,
    )
    return launch
  }
  for (const what of await linkedPackages(real)) onLeftOut(what)
  const files = await filesOf(real, binary.split(sep)[0] ?? binary, onLeftOut)
  // At a path like its own, so that packages are looked for as before, from folder to folder
  // upwards.
  const root = join(to, relative(parse(real).root, real))
  for (const file of files) {
    signal?.throwIfAborted()
    if (resolve(file.source).startsWith(dirname(resolve(to)) + sep)) continue // copies of other versions, where those are kept in the package
    const target = join(root, file.path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await copyFile(file.source, target)
    if (file.isExecutable) await chmod(target, 0o700)
  }
  for (let above = real; ; above = dirname(above)) {
    const packages = join(above, 'node_modules')
    const isThere = await stat(packages).then(
      () => true,
      () => false,
    )
    if (isThere) await symlink(packages, join(to, relative(parse(above).root, above), 'node_modules'), 'junction')
    if (dirname(above) === above) break
  }
  const copy = join(root, binary)
  return { ...launch, binary: copy, command: launch.command.map((part) => (part === launch.binary ? copy : part)) }
}

async function filesOf(folder: string, built: string, onLeftOut: (what: string) => void): Promise<readonly PackageFile[]> {
  const manifest = await readPackageJson(folder)
  const files = await listPackageFiles(folder, manifest, { always: [built], onLeftOut })
  if (files.some(({ path }) => path === built || path.startsWith(`${built}/`))) return files
  return [...files, ...(await listPackageFiles(folder, { ...manifest, files: [built] }))] // it is hidden: ".build/main.js"
}

/** Dependencies that are links to folders of this user: other packages of a workspace. */
async function linkedPackages(folder: string): Promise<readonly string[]> {
  const { dependencies = {} } = await readPackageJson(folder)
  const linked: string[] = []
  for (const name of Object.keys(dependencies)) {
    const target = await targetOf(name, folder)
    if (target !== undefined && !target.split(sep).includes('node_modules')) linked.push(name)
  }
  if (linked.length === 0) return []
  const isOne = linked.length === 1
  return [
    `${linked.map((name) => `"${name}"`).join(', ')} of the workspace ${isOne ? 'is' : 'are'} not copied: when ${isOne ? 'it is' : 'they are'} built again, processes of this version that start later run the new build`,
  ]
}

/** Where an installed package really is, looked for as Node does. */
async function targetOf(name: string, from: string): Promise<string | undefined> {
  for (let above = from; ; above = dirname(above)) {
    const path = join(above, 'node_modules', name)
    const info = await lstat(path).catch(() => undefined) // not here
    if (info !== undefined) return info.isSymbolicLink() ? await realpath(path).catch(() => undefined) : path
    if (dirname(above) === above) return undefined
  }
}
