// A real process over the SDK as it is built: an application that wants configuration, run by
// itself.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const HINT = 'no configuration was read: set WEAVER_CONFIG=weaver.toml, or use `weaver single deploy`'
const WRONG = 'configuration of "weaver/Main": "prefix": expected string'
const MAIN = `
import { config, run } from '@weaver/sdk'
const issues = JSON.parse(process.env.ISSUES).map((key) => ({ path: [key], message: 'expected string' }))
class App {
  options = config({ parse: () => { throw Object.assign(new Error('invalid'), { issues }) } })
  main() {}
}
await run(App, { format: 2, fingerprint: '0'.repeat(64), main: { refs: [], listeners: [] }, components: () => [] })
`
let folder: string
beforeAll(() => {
  // Incremental: nothing to do where the build is up to date.
  const built = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', join(ROOT, 'sdk')], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`sdk does not build:\n${built.stdout}`)
  folder = mkdtempSync(join(tmpdir(), 'weaver-unconfigured-'))
  writeFileSync(join(folder, 'main.mjs'), MAIN.replace('@weaver/sdk', new URL('../../dist/index.js', import.meta.url).href))
  writeFileSync(join(folder, 'weaver.toml'), '[serviceweaver]\nname = "shop"\n')
}, 900_000)
afterAll(() => rmSync(folder, { recursive: true }))

function start(issues: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stderr } = spawnSync(process.execPath, ['main.mjs'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ISSUES: JSON.stringify(issues), ...env },
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  return stderr
}

describe('an application whose configuration is wrong', () => {
  it('is told how to have it read, where nothing was read', () => {
    expect(start(['prefix'])).toContain(`the application cannot start: ${WRONG}; ${HINT}`)
    const several = start(['prefix', 'suffix'])
    expect(several).toContain(WRONG)
    expect(several.split(HINT)).toHaveLength(2) // once, for all
  }, 300_000)

  it('is not, where a file was read', () => {
    const stderr = start(['prefix'], { WEAVER_CONFIG: 'weaver.toml' })
    expect(stderr).toContain(`the application cannot start: ${WRONG}`)
    expect(stderr).not.toContain('no configuration was read')
  }, 300_000)
})
