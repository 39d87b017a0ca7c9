import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inertProgram } from './reference/cli-reference.js'
import { buildPackage } from '../../scripts/build-example.js'
import { anError } from './testing/an-error.js'
import { runWeaver } from './testing/run-weaver.js'
import { packagesLoadedWith } from './testing/static-imports.js'

const weaver = (...args: readonly string[]) => runWeaver(args, { cwd: '/', env: {} })

describe('a verb without its deployer', () => {
  it('is told with every deployer that has it', async () => {
    expect(await weaver('deploy', 'weaver.toml')).toEqual(
      anError(
        2,
        "error: unknown command 'deploy'; did you mean `weaver single deploy`, `weaver multi deploy`, `weaver ssh deploy`, `weaver gke-local deploy` or `weaver kube deploy`?",
      ),
    )
    expect(await weaver('promote')).toEqual(
      anError(2, "unknown command 'promote'; did you mean `weaver gke-local promote` or `weaver kube promote`?"),
    )
  })

  it('is not guessed for what no deployer has', async () => {
    expect(await weaver('deplyo')).toEqual(anError(2, "error: unknown command 'deplyo'\n(--help shows what there is)"))
  })
})

it('the list of commands is the same, whether they are loaded or not', async () => {
  const listed = (await weaver('--help')).stdout
  const loaded = (await inertProgram()).helpInformation()
  expect(listed).toContain(loaded.trimEnd())
})

describe('what is loaded', () => {
  beforeAll(() => buildPackage('cli'), 900_000)
  const loaded = (path: string) => packagesLoadedWith(new URL(`../../${path}`, import.meta.url).href)

  it('for the list of commands and for `multi status` is no more than they need', () => {
    expect(loaded('cli/dist/main.js')).toEqual(['@weaver/sdk', 'commander'])
    expect(loaded('cli/dist/commands/multi/multi.js')).toEqual(['@weaver/sdk', 'commander'])
  })

  it('for `multi deploy` has neither the compiler, nor what makes images, queries logs and prints YAML', () => {
    expect(loaded('cli/dist/deployers/multi/deploy-multi.js')).toEqual([
      '@nats-io/transport-node',
      '@weaver/crds',
      '@weaver/deployer',
      '@weaver/proxy',
      '@weaver/sdk',
      'fastest-levenshtein',
      'smol-toml',
      'zod',
    ])
    expect(loaded('codegen/dist/index.js')).toEqual([]) // checks whether sources have changed
  })
})

describe('a command of others', () => {
  const bin = fileURLToPath(new URL('../bin/weaver.js', import.meta.url))
  let folder: string
  beforeAll(() => buildPackage('cli'), 900_000)
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weaver-external-'))))
  afterEach(() => rmSync(folder, { recursive: true }))
  const add = (name: string, script: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  /** As a process: what it runs has its terminal. */
  const run = (...args: readonly string[]) =>
    new Promise<{ readonly code: unknown; readonly stdout: string }>((resolve) =>
      execFile(process.execPath, [bin, ...args], { env: { PATH: `${folder}:/usr/bin:/bin` } }, (error, stdout) =>
        resolve({ code: error === null ? 0 : error.code, stdout }),
      ),
    )

  it('is the program weaver-NAME of the PATH, with all its arguments, its exit code and its signal', async () => {
    add('weaver-greet', 'for a in "$@"; do echo "[$a]"; done; exit 3')
    expect(await run('greet', '--help', 'a b', '--', '-v')).toEqual({ code: 3, stdout: '[--help]\n[a b]\n[--]\n[-v]\n' })
    add('weaver-die', 'kill -TERM $$')
    expect((await run('die')).code).toBe(128 + 15)
  })

  it('does not stand before one of ours, and is no path', async () => {
    add('weaver-version', 'echo theirs')
    expect((await run('version')).stdout).toMatch(/^weaver \d/)
    expect(await weaver('../weaver-version')).toEqual(anError(2, "error: unknown command '../weaver-version'"))
  })
})
