import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from './paths.js'
import { weaver } from './platform.js'
import { sh } from './sh.js'

const root = fileURLToPath(repositoryRoot)

export interface ReleaseOptions {
  /**
   * Which release of the example it is: the constant that every component signs its answers with.
   */
  readonly release: string
  /** Edits of the sources, by file below `src/`. Each must change something. */
  readonly edits?: Readonly<Record<string, (source: string) => string>>
  /** Name in weaver.toml. @default "httpserver" */
  readonly name?: string
  readonly rollout?: string
}

/**
 * Does what a developer does for a new release: edits the sources of `examples/httpserver`, runs
 * `weaver generate` and `tsc`. Each release has a folder of its own below `e2e/.work`, so that
 * several can be at hand at once.
 * @returns the folder, with its `weaver.toml`.
 */
export async function makeRelease(options: ReleaseOptions): Promise<string> {
  const name = options.name ?? 'httpserver'
  const folder = await copyExample('httpserver', `${name}-${options.release}`, ['src', 'package.json', 'weaver.toml'])
  const edits: Record<string, (source: string) => string> = {
    'release.ts': (source) => source.replace(/RELEASE(: string)? = '[^']*'/, `RELEASE$1 = '${options.release}'`),
    ...options.edits,
  }
  for (const [file, edit] of Object.entries(edits)) {
    const path = `${folder}/src/${file}`
    const before = await readFile(path, 'utf8')
    const after = edit(before)
    if (after === before && !(file === 'release.ts' && before.includes(`'${options.release}'`)))
      throw new Error(`the edit of ${file} for release ${options.release} changed nothing`)
    await writeFile(path, after)
  }
  const toml = await readFile(`${folder}/weaver.toml`, 'utf8')
  await writeFile(
    `${folder}/weaver.toml`,
    toml
      .replace(/^name\s*=.*$/m, `name = "${name}"`)
      .replace(/^rollout\s*=.*$/m, options.rollout === undefined ? '$&' : `rollout = "${options.rollout}"`),
  )
  await weaver(['generate', folder])
  await sh([process.execPath, `${root}node_modules/typescript/bin/tsc`, '-p', folder])
  return folder
}

/**
 * Copies entries of an example below `e2e/.work`, where a tsconfig.json of its own lets it be built
 * by itself.
 * @returns the folder
 */
export async function copyExample(example: string, name: string, entries: readonly string[]): Promise<string> {
  const folder = `${root}e2e/.work/${name}`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const entry of entries) await cp(`${root}examples/${example}/${entry}`, `${folder}/${entry}`, { recursive: true })
  await writeFile(
    `${folder}/tsconfig.json`,
    JSON.stringify({
      extends: '../../../tsconfig.base.json',
      compilerOptions: { rootDir: 'src', outDir: 'dist', composite: false, declaration: false, declarationMap: false },
      include: ['src'],
      exclude: ['src/**/*.test.ts'],
    }),
  )
  return folder
}

/** An edit that makes a component that never becomes ready: its `init()` never returns. */
export function neverReady(source: string): string {
  return source.replace(
    /(class \w+ implements \w+ \{)/,
    '$1\n  init(): Promise<void> {\n    return new Promise(() => setInterval(() => undefined, 1000))\n  }\n',
  )
}
