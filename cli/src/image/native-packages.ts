// Packages that exist once per platform (`@esbuild/linux-x64`): npm installs those for the machine
// it runs on, which may differ from the image's platform.
import type { PackageJson } from './package-files.js'
import { formatPlatform, type Platform } from './platform.js'

/** An installed package that names the systems it is for. */
export interface NativePackage {
  readonly name: string
  readonly neededBy: string
  readonly os?: readonly string[] | undefined
  readonly cpu?: readonly string[] | undefined
}

/** Node's names for the architectures that images call by Go's. */
const CPUS: Readonly<Record<string, string>> = { amd64: 'x64', '386': 'ia32', ppc64le: 'ppc64', mips64le: 'mips64el' }
/** Words in such packages' names that name their platform, besides those in `os` and `cpu`. */
const KINDS: ReadonlySet<string> = new Set(['gnu', 'musl', 'msvc', 'gnueabihf', 'musleabihf', 'glibc', 'eabi', 'android', 'darwin', 'freebsd', 'linux', 'linuxmusl', 'openbsd', 'sunos', 'win32', 'arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'ppc64le', 'riscv64', 's390x', 'universal', 'x64', 'x86']) // prettier-ignore

/**
 * Evaluates the field `os` or `cpu` of a package.json: what the package is for, or with `!` what it
 * is not for.
 */
export function allows(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined || list.length === 0 || list.includes('any')) return true
  if (list.includes(`!${value}`)) return false
  return list.includes(value) || list.every((one) => one.startsWith('!'))
}

export function isNative({ cpu }: PackageJson): boolean {
  return cpu !== undefined && cpu.length > 0
}

/** Packages installed only for other platforms than this one; a sentence each, with the remedy. */
export function foreignPackages(installed: readonly NativePackage[], platform: Platform): readonly string[] {
  const cpu = CPUS[platform.architecture] ?? platform.architecture
  const families = new Map<string, NativePackage[]>()
  for (const one of installed) {
    const family = `${one.neededBy} ${one.name.split(/[-_./]/).filter((word) => !KINDS.has(word)).join(' ')}` // prettier-ignore
    families.set(family, [...(families.get(family) ?? []), one])
  }
  return [...families.values()]
    .filter((family) => !family.some((one) => allows(one.os, platform.os) && allows(one.cpu, cpu)))
    .map((family) => {
      const names = family.map(({ name }) => `"${name}"`).join(', ')
      return `the image for ${formatPlatform(platform)} has only ${names} for "${family[0]?.neededBy}", which ${family.length === 1 ? 'is' : 'are'} for other machines. If it needs one there, install for that platform, \`npm install --os ${platform.os} --cpu ${cpu}\`, and build its image by itself: --platform ${formatPlatform(platform)}`
    })
}
