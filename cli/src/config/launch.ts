import { basename, resolve } from 'node:path'
import { DEFAULT_MAIN } from '../image/make-image.js'
import type { WeaverToml } from './load-config.js'
import { packageFolderOf } from './package-folder.js'

/** How a deployer of this machine starts the application of a weaver.toml: to run it, and to ask it for its configuration. */
export interface Launch {
  /** Absolute path of what the file names as the application. */
  readonly binary: string
  /** `node` first for a script, which runs with the node of this process. */
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export function binaryOf(config: WeaverToml): string {
  return resolve(config.folder, config.application.binary ?? DEFAULT_MAIN)
}

/** The name of the application as deployers of this machine have it: the same as of one that is run by hand (`emptyConfig` of the SDK). */
export function localAppName(config: WeaverToml): string {
  return config.application.name ?? basename(binaryOf(config)).replace(/\.[cm]?js$/, '')
}

/** The folder of the package that the binary belongs to. */
export async function packageOf(config: WeaverToml): Promise<string> {
  return (await packageFolderOf(binaryOf(config))) ?? config.folder
}

/** @param env what the process gets beside what the file sets */
export function launchOf(config: WeaverToml, env: Readonly<Record<string, string | undefined>>): Launch {
  const { application, folder, path } = config
  const binary = binaryOf(config)
  const isScript = /\.[cm]?[jt]s$/.test(binary)
  const own = (application.env ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
  return {
    binary,
    command: [...(isScript ? ['node'] : []), binary, ...(application.args ?? [])],
    cwd: folder,
    env: { ...env, ...Object.fromEntries(own), WEAVER_CONFIG: path, SERVICEWEAVER_CONFIG: path },
  }
}
