import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { WeaverError } from '../contract/errors.js'
import { bareNameHint } from '../contract/toml-names.js'

/** What one process reads from `weaver.toml` if no deployer has read it. */
export interface AppConfig {
  readonly name: string
  configOf(component: string): unknown
  /** Names of components, or their last parts, that have a section. */
  readonly sections: readonly string[]
  /** Names of listeners that have an address. */
  readonly listeners: readonly string[]
  addressOf(listener: string): string
}

/**
 * Sections of the application and of deployers, which the `weaver` command reads. Any other one
 * names a component.
 */
const OTHER_SECTIONS: ReadonlySet<string> = new Set([
  'serviceweaver',
  'weaver',
  'github.com/ServiceWeaver/weaver',
  'single',
  'multi',
  'ssh',
  'gke',
  'gke-local',
  'kube',
])
const ANY_PORT = 'localhost:0'

/** Without a file: the program's name, no configuration, any free port. */
export function emptyConfig(program: string): AppConfig {
  const name = basename(program).replace(/\.[cm]?js$/, '')
  return { name, configOf: () => undefined, sections: [], listeners: [], addressOf: () => ANY_PORT }
}

/**
 * Reads `weaver.toml`: `[serviceweaver] name`, `[single] listeners.<name> = { address }`, and a
 * section per component, under its name or the last part of it.
 * @throws WeaverError `WEAVER_CONFIG_FILE`: no such file, not TOML (with line and column), or a
 * field of the wrong kind.
 */
export function readAppConfig(path: string, program: string): AppConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new WeaverError(
      'WEAVER_CONFIG_FILE',
      `the configuration "${path}" cannot be read: ${(cause as Error).message}. Check WEAVER_CONFIG (or SERVICEWEAVER_CONFIG).`,
      { cause },
    )
  }
  return parseAppConfig(text, { path, program })
}

/** Parses a text; `path` is for messages. */
export function parseAppConfig(text: string, { path, program }: { readonly path: string; readonly program: string }): AppConfig {
  let file: Record<string, unknown>
  try {
    file = parse(text)
  } catch (cause) {
    const at = cause instanceof TomlError ? `:${cause.line}:${cause.column}` : ''
    const hint = cause instanceof TomlError ? bareNameHint(text, cause.line) : undefined
    const what = (cause as Error).message.split('\n')[0] ?? '' // the parser throws an Error
    throw new WeaverError('WEAVER_CONFIG_FILE', `${path}${at}: ${what}${hint === undefined ? '' : `; ${hint}`}`, { cause })
  }
  const main = table(file['serviceweaver'] ?? file['weaver'])
  const name = main?.['name']
  if (name !== undefined && typeof name !== 'string')
    throw new WeaverError('WEAVER_CONFIG_FILE', `${path}: [serviceweaver] name must be a string such as "shop"`)
  const listeners = table(table(file['single'])?.['listeners'])
  return {
    name: name ?? emptyConfig(program).name,
    sections: Object.keys(file).filter((section) => !OTHER_SECTIONS.has(section)),
    listeners: Object.keys(listeners ?? {}),
    configOf: (component) => file[component] ?? file[component.slice(component.lastIndexOf('/') + 1)],
    addressOf: (listener) => {
      const given = listeners?.[listener]
      const address = table(given)?.['address']
      if (given !== undefined && table(given) === undefined)
        throw new WeaverError(
          'WEAVER_CONFIG_FILE',
          `${path}: [single] listeners.${listener} must be a table such as { address = "localhost:8080" }`,
        )
      if (address !== undefined && typeof address !== 'string')
        throw new WeaverError(
          'WEAVER_CONFIG_FILE',
          `${path}: [single] listeners.${listener}.address must be a string such as "localhost:8080"`,
        )
      return address ?? ANY_PORT
    },
  }
}

function table(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}
