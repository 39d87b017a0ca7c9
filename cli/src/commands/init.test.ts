import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runWeaver } from '../testing/run-weaver.js'

const INSTALLED = fileURLToPath(new URL('../../../node_modules', import.meta.url))

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weaver-init-'))))
afterEach(() => rmSync(folder, { recursive: true }))

it('says how to get the packages while they are not published, and a compiler that finds nothing generated shows what to run', async () => {
  const { code, stderr } = await runWeaver(['init', 'shop'], { cwd: folder, env: {} })
  expect(code).toBe(0)
  expect(stderr).toMatch(
    /not published yet.*\n {2}npm pack -w cli -w codegen .*-w testing --pack-destination DIR\n.*weaver init shop --packages DIR/,
  )
  symlinkSync(INSTALLED, join(folder, 'shop/node_modules'))
  let said = ''
  try {
    execFileSync(process.execPath, [join(INSTALLED, 'typescript/bin/tsc'), '--noEmit', '--pretty'], {
      cwd: join(folder, 'shop'),
      encoding: 'utf8',
    })
  } catch (error) {
    said = (error as { readonly stdout: string }).stdout // of the compiler
  }
  expect(said).toMatch(/weaver\.gen\.js.*written by `weaver generate`/)
}, 300_000)
