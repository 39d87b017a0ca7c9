import { chmod, copyFile, mkdir, realpath, stat, symlink } from 'node:fs/promises'
import { dirname, join, parse, relative, resolve, sep } from 'node:path'
import { listPackageFiles, readPackageJson, type PackageFile } from '../../image/package-files.js'
import type { Launch } from '../../config/launch.js'

/**
 * Copies the build of an application, so that a version stays what it was when the next one is
 * built over it: a process of it that is started again, days later, runs the same code. Copied is
 * what `files` of its package.json names, or all of the package that is not hidden: any of it may
 * be read when it runs. Installed packages are not, they are reached by links.
 * @param from `folder` of the package
 * @returns how the copy is started; the launch as it is when its binary is not in the package
 */
export async function copyBuild(
  { folder, launch }: { readonly folder: string; readonly launch: Launch },
  to: string,
  signal?: AbortSignal,
): Promise<Launch> {
  const real = await realpath(folder)
  const binary = relative(real, await realpath(launch.binary))
  if (binary.startsWith('..') || resolve(binary) === binary) return launch
  const files = await filesOf(real, binary.split(sep)[0] ?? binary)
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

async function filesOf(folder: string, built: string): Promise<readonly PackageFile[]> {
  const manifest = await readPackageJson(folder)
  const files = await listPackageFiles(folder, manifest, { always: [built] })
  if (files.some(({ path }) => path === built || path.startsWith(`${built}/`))) return files
  return [...files, ...(await listPackageFiles(folder, { ...manifest, files: [built] }))] // it is hidden: ".build/main.js"
}
