/**
 * Folders in which the recipes are tried: an application as its author has it. The packages of this
 * repository are those that `npm pack` makes; all others, tools too, are links to what `npm ci` has
 * installed here, at the versions of the lock file. So no recipe but the one of pnpm installs
 * anything.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What an application asks for; what these depend on is packed as well. */
const WANTED = ['sdk', 'testing', 'cli']
/** Tools of the recipes, and `typescript` at the version of docs/start.md. */
const TOOLS = ['esbuild', 'pnpm', 'tsx', 'typescript', 'vitest'] as const

export interface Ended {
  readonly code: number | null
  readonly output: string
}

export interface Project {
  readonly folder: string
  /**
   * Runs lines of a page by a shell, to the first that fails; `npx tool` is the tool of the folder.
   */
  run(lines: string): Promise<Ended>
  write(files: Readonly<Record<string, string>>): void
  read(file: string): string
}

/** The packed packages, and a folder with an installed application's `node_modules`. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weaver-recipes-'))
  /** Where the `.tgz` files are. */
  readonly packages = join(this.#folder, 'packages')
  readonly modules = join(this.#folder, 'node_modules')
  #count = 0

  /** Packs what is built, after building it. */
  fill(): void {
    mkdirSync(this.packages)
    mkdirSync(join(this.modules, '@weaver'), { recursive: true })
    const folders = packagesBehind(WANTED)
    must('node', ['node_modules/typescript/bin/tsc', '-b', ...folders], ROOT)
    must('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', this.packages, ...folders.flatMap((one) => ['-w', one])], ROOT) // prettier-ignore
    for (const one of folders) {
      const into = join(this.modules, '@weaver', one)
      mkdirSync(into)
      must('tar', ['-xzf', join(this.packages, `weaver-${one}-${versionOf(one)}.tgz`), '-C', into, '--strip-components=1'], ROOT)
    }
    const others = join(ROOT, 'node_modules')
    for (const name of readdirSync(others))
      if (!name.startsWith('.') && !name.startsWith('@weaver')) symlinkSync(join(others, name), join(this.modules, name))
    this.#linkCommands()
  }

  /** @param files by their paths in the folder */
  project(files: Readonly<Record<string, string>>, options: { readonly isInstalled?: boolean } = {}): Project {
    const folder = join(this.#folder, `project-${(this.#count += 1)}`)
    mkdirSync(folder)
    if (options.isInstalled !== false) symlinkSync(this.modules, join(folder, 'node_modules'))
    symlinkSync(this.packages, join(folder, 'packages'))
    const write = (more: Readonly<Record<string, string>>): void => {
      for (const [file, text] of Object.entries(more)) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), text)
      }
    }
    write(files)
    return {
      folder,
      write,
      read: (file) => readFileSync(join(folder, file), 'utf8'),
      run: (lines) => runLines(lines, { folder, modules: this.modules }),
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #linkCommands(): void {
    const bin = join(this.modules, '.bin')
    mkdirSync(bin)
    const link = (folder: string, suffix = ''): void => {
      for (const [command, file] of commandsOf(folder)) symlinkSync(file, join(bin, `${command}${suffix}`))
    }
    link(join(this.modules, '@weaver/cli'))
    for (const name of TOOLS) link(installed(name))
    link(join(ROOT, 'e2e/node_modules/typescript'), '-7') // the one of this package
  }
}

/**
 * Starts a program, waits until its listener serves, lets the caller use it, and stops it by
 * SIGTERM.
 * @returns how it ended
 */
export async function whileServing(project: Project, command: readonly string[], use: (origin: string) => Promise<void>): Promise<Ended> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd: project.folder, env: environment(join(project.folder, 'node_modules')), stdio: ['ignore', 'pipe', 'pipe'] }) // prettier-ignore
  const closed = once(child, 'close')
  let output = ''
  const origin = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const address = /address=(\S+) listener=web/.exec(output)?.[1]
        if (address !== undefined) resolve(`http://${address}`)
      })
    child.once('close', () => reject(new Error(`\`${command.join(' ')}\` ended before it served: ${output}`)))
    child.once('error', reject)
  })
  try {
    await use(await origin)
  } finally {
    child.kill('SIGTERM')
    await closed
  }
  return { code: child.exitCode, output }
}

async function runLines(lines: string, at: { readonly folder: string; readonly modules: string }): Promise<Ended> {
  const script = `set -e\nnpx() { "$@"; }\n${lines}`
  const child = spawn('bash', ['-c', script], { cwd: at.folder, env: environment(at.modules), stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** Of the tests' own runner nothing is passed on: the recipes have runners of their own. */
function environment(modules: string): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, JEST_WORKER_ID: ___, CI: ____, ...env } = process.env
  return { ...env, NO_COLOR: '1', FORCE_COLOR: '0', PATH: `${join(modules, '.bin')}:${dirname(process.execPath)}:${env['PATH'] ?? ''}` }
}

/** The folder of a package: npm puts it beside all others, or where only this one sees it. */
function installed(name: string): string {
  const shared = join(ROOT, 'node_modules', name)
  return existsSync(shared) ? shared : join(ROOT, 'e2e/node_modules', name)
}

function commandsOf(folder: string): readonly (readonly [command: string, file: string])[] {
  const { name, bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly bin?: string | Readonly<Record<string, string>>
  }
  const commands = typeof bin === 'string' ? { [name]: bin } : (bin ?? {})
  return Object.entries(commands).map(([command, file]) => [command, join(folder, file)])
}

/** Folders of our packages that these need, themselves included. */
function packagesBehind(folders: readonly string[]): readonly string[] {
  const found = new Set<string>()
  const visit = (folder: string): void => {
    if (found.has(folder)) return
    found.add(folder)
    const { dependencies = {} } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { readonly dependencies?: object }
    for (const name of Object.keys(dependencies)) if (name.startsWith('@weaver/')) visit(name.slice('@weaver/'.length))
  }
  folders.forEach(visit)
  return [...found].sort()
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { readonly version: string }).version
}

function must(program: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`\`${program} ${args.join(' ')}\` failed: ${error?.message ?? `${stdout}${stderr}`}`)
}
