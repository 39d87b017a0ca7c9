import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { DEFAULT_MAIN } from './default-main.js'
import type { WeaverToml } from './load-config.js'
import { packageFolderOf } from '../packages/package-folder.js'

/**
 * How a local deployer starts the application of a weaver.toml, to run it or to query its
 * configuration.
 */
export interface Launch {
  /** Absolute path of the file that is the application. */
  readonly binary: string
  /** A script has `node` first, and runs with the node of this process. */
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export function binaryOf(config: WeaverToml): string {
  return resolve(config.folder, config.application.binary ?? DEFAULT_MAIN)
}

/**
 * The application's name for local deployers: the same as that of an application run by hand
 * (`emptyConfig` of the SDK).
 */
export function localAppName(config: WeaverToml): string {
  return config.application.name ?? basename(binaryOf(config)).replace(/\.[cm]?js$/, '')
}

/** The folder of the package that the binary belongs to. */
export async function packageOf(config: WeaverToml): Promise<string> {
  return (await packageFolderOf(binaryOf(config))) ?? config.folder
}

/** @param env the environment, in addition to the file's */
export function launchOf(config: WeaverToml, env: Readonly<Record<string, string | undefined>>): Launch {
  const { application, folder, path } = config
  const binary = binaryOf(config)
  const isScript = /\.[cm]?[jt]s$/.test(binary)
  const own = (application.env ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
  return {
    binary,
    command: [...(isScript ? ['node'] : []), binary, ...(application.args ?? [])],
    cwd: folder,
    env: { ...compileCache(env), ...env, ...Object.fromEntries(own), WEAVER_CONFIG: path, SERVICEWEAVER_CONFIG: path },
  }
}

/**
 * Processes of one build compile the same modules: what the first one has compiled is kept where the
 * command keeps its own. Coverage is less exact with it.
 */
function compileCache(env: Readonly<Record<string, string | undefined>>): { readonly NODE_COMPILE_CACHE?: string } {
  return env['NODE_V8_COVERAGE'] === undefined ? { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') } : {}
}
