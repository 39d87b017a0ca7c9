/** The package of this platform as a user gets it: built, packed, installed into an empty folder, found by the command, run. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '../cli/src/deployers/local/find-nats-server.js'

const SCRIPT = fileURLToPath(new URL('nats-server-packages.mjs', import.meta.url))
const PLATFORM = `${process.platform}-${process.arch}`

let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'weaver-nats-package-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function run(
  command: string,
  args: readonly string[],
  cwd = folder,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(command, args, { cwd, encoding: 'utf8' })
}

it('is a nats-server that the command finds where it is installed', () => {
  const built = run(process.execPath, [SCRIPT, '--out', folder, '--only', PLATFORM])
  expect(built).toMatchObject({ status: 0, stdout: `${join(folder, PLATFORM)}\n` })
  const packed = run('npm', ['pack', '--json', '--pack-destination', folder], join(folder, PLATFORM))
  const [{ files, filename }] = JSON.parse(packed.stdout) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ]
  expect(files.map(({ path }) => path).sort()).toEqual(['LICENSE', 'README.md', 'bin/nats-server', 'package.json'])

  const app = join(folder, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{"private":true}')
  expect(run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)], app)).toMatchObject({ status: 0 })
  const found = findNatsServer({ env: {}, cwd: app })
  expect(found).toMatchObject({ kind: 'program', from: `@weaver/nats-server-${PLATFORM}` })
  expect(run('path' in found ? found.path : '', ['--version']).stdout).toMatch(/^nats-server: v2\.\d+\.\d+\n$/)
}, 900_000)

it('refuses a platform that it does not know', () => {
  const { status, stderr } = run(process.execPath, [SCRIPT, '--out', folder, '--only', 'plan9-mips'])
  expect([status, stderr]).toEqual([1, expect.stringContaining('"plan9-mips" is not a platform; known are linux-x64, ')])
  expect(readdirSync(folder)).not.toContain('plan9-mips')
})
