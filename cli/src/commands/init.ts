import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'
import { runScript, scaffoldFiles, type PackageManager } from '../scaffold/scaffold-files.js'

interface InitFlags {
  readonly with?: PackageManager
  readonly packages?: string
}

const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn'] as const
const NAME = /^[a-z][a-z0-9-]*$/

export function initCommand(context: CliContext): Command {
  return new Command('init')
    .description('write a new application: two components, a listener, a test; it generates, builds, tests and runs at once')
    .argument('[name]', 'of the application, and of a new folder for it (default: the name of this folder, and its files in it)')
    .addOption(new Option('--with <tool>', 'package manager (default: the one that runs this command, else npm)').choices(PACKAGE_MANAGERS))
    .option('--packages <dir>', 'folder of packed packages (`npm pack`) to depend on (default: those of the registry)')
    .action((given: string | undefined, flags: InitFlags) => {
      const name = given ?? basename(context.cwd)
      if (!NAME.test(name))
        throw cliError(
          'WEAVER_CLI_USAGE',
          `"${name}" is not a name for an application; use lower-case letters, digits and "-", a letter first`,
        )
      const folder = given === undefined ? context.cwd : resolve(context.cwd, given)
      const packageManager = flags.with ?? callerOf(context.env)
      const version = ownManifest().version
      const packed = flags.packages === undefined ? {} : { packed: packedIn(resolve(context.cwd, flags.packages), folder, version) }
      const files = scaffoldFiles({ name, version, packageManager, ...packed })
      const taken = Object.keys(files).filter((file) => existsSync(join(folder, file)))
      if (taken.length > 0)
        throw cliError(
          'WEAVER_CLI_USAGE',
          `"${folder}" has ${taken.map((file) => `"${file}"`).join(', ')} already; nothing was written, name another folder`,
        )
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), text)
        context.output.result(relative(context.cwd, join(folder, file)))
      }
      const steps = [...(given === undefined ? [] : [`cd ${given}`]), `${packageManager} install`, runScript(packageManager, 'test'), runScript(packageManager, 'start')] // prettier-ignore
      if (flags.packages === undefined) context.output.warn(howToGetPackages(given, version))
      context.output.progress(`\nNext:\n${steps.map((step) => `  ${step}\n`).join('')}Then open http://localhost:8080/?name=Ada`)
    })
}

/** `npx`, `pnpm dlx` and `yarn dlx` say which they are. */
function callerOf(env: CliContext['env']): PackageManager {
  const agent = env['npm_config_user_agent'] ?? ''
  return PACKAGE_MANAGERS.find((one) => agent.startsWith(`${one}/`)) ?? 'npm'
}

interface OwnManifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}
const ownManifest = (): OwnManifest => JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as OwnManifest

/** Packages of ours that an application with this command and the test kit needs, without `@weaver/`. */
function neededPackages(): readonly string[] {
  const own = Object.keys(ownManifest().dependencies).filter((name) => name.startsWith('@weaver/'))
  return ['cli', 'testing', ...own.map((name) => name.slice('@weaver/'.length))].sort()
}

/** Until the packages are published. */
function howToGetPackages(name: string | undefined, version: string): string {
  const workspaces = neededPackages().map((one) => `-w ${one}`)
  return [
    `package.json asks the registry for @weaver/… ${version}, and that is not published yet. Pack it in a built checkout of Weaver:`,
    `  npm pack ${workspaces.join(' ')} --pack-destination DIR`,
    `then let \`weaver init ${name === undefined ? '' : `${name} `}--packages DIR\` write these files anew, after deleting them (docs/start.md)`,
  ].join('\n')
}

/** What an application needs of a release, by name, as package.json of `from` refers to it. @throws WeaverError `WEAVER_CLI_USAGE` */
function packedIn(folder: string, from: string, version: string): Readonly<Record<string, string>> {
  const end = `-${version}.tgz`
  const names = existsSync(folder) ? readdirSync(folder).filter((file) => file.startsWith('weaver-') && file.endsWith(end)) : []
  const packed = names.map((file) => [`@weaver/${file.slice('weaver-'.length, -end.length)}`, `file:${relative(from, join(folder, file))}`])
  const missing = neededPackages().filter((one) => !names.includes(`weaver-${one}${end}`))
  if (missing.length > 0)
    throw cliError(
      'WEAVER_CLI_USAGE',
      `"${folder}" has no ${missing.map((one) => `weaver-${one}${end}`).join(', ')}; make them by \`npm pack\`, as docs/start.md says`,
    )
  return Object.fromEntries(packed) as Record<string, string> // pairs of texts
}
