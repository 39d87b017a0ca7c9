import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { copyBuild } from './build-copy.js'

let folder: string
let leftOut: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-build-'))
  leftOut = []
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What the copy of a package says when it runs, once the package itself is gone. */
async function run(
  main: string,
  files: Readonly<Record<string, string>>,
  { signal, ...manifest }: { readonly files?: readonly string[]; readonly dependencies?: object; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const from = join(folder, 'package')
  for (const [path, text] of Object.entries({ ...files, 'package.json': JSON.stringify({ type: 'module', ...manifest }) })) {
    mkdirSync(dirname(join(from, path)), { recursive: true })
    writeFileSync(join(from, path), text)
  }
  const binary = join(from, main)
  const copy = await copyBuild(
    {
      folder: from,
      launch: { binary, command: ['node', binary, '--flag'], cwd: folder, env: {} },
      onLeftOut: (what) => leftOut.push(what),
    },
    join(folder, 'builds/a'),
    signal,
  )
  rmSync(from, { recursive: true })
  expect(copy.command).toEqual(['node', copy.binary, '--flag'])
  return execFileSync(process.execPath, [copy.binary], { encoding: 'utf8' })
}

const page = `import { readFileSync } from 'node:fs'; process.stdout.write(readFileSync(new URL('../views/a.html', import.meta.url)))`

it('has all that a package without `files` may read when it runs', async () => {
  expect(await run('main.js', { 'main.js': `import './lib/x.js'`, 'lib/x.js': `process.stdout.write('x')` })).toBe('x')
  expect(await run('dist/main.js', { 'dist/main.js': page, 'views/a.html': '<p>' })).toBe('<p>')
  expect(await run('.build/main.js', { '.build/main.js': page, 'views/a.html': '<b>' })).toBe('<b>')
})

it('has what `files` names, and the build', async () => {
  const files = { 'dist/main.js': page, 'views/a.html': '<p>', 'notes.txt': '' }
  expect(await run('dist/main.js', files, { files: ['views'] })).toBe('<p>')
  expect(existsSync(join(folder, `builds/a${folder}/package/notes.txt`))).toBe(false)
})

it('says what the version may need and the copy has not', async () => {
  for (const name of ['ours', 'package/node_modules/theirs', 'elsewhere']) mkdirSync(join(folder, name), { recursive: true })
  symlinkSync(join(folder, 'ours'), join(folder, 'package/node_modules/ours'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'package/data'))
  const files = { 'main.js': `process.stdout.write('x')` }
  expect(await run('main.js', files, { dependencies: { ours: '1', theirs: '1', missing: '1' } })).toBe('x')
  expect(leftOut).toEqual([
    expect.stringMatching(/^"ours" of the workspace is not copied: when it is built again, processes of this version that start later/),
    `"${join(folder, 'package/data')}" is a link that leads nowhere, and is left out`,
  ])

  leftOut = []
  writeFileSync(join(folder, 'elsewhere/main.js'), '')
  const launch = { binary: join(folder, 'elsewhere/main.js'), command: ['node', join(folder, 'elsewhere/main.js')], cwd: folder, env: {} }
  mkdirSync(join(folder, 'package'))
  expect(
    await copyBuild({ folder: join(folder, 'package'), launch, onLeftOut: (what) => leftOut.push(what) }, join(folder, 'builds/b')),
  ).toBe(launch)
  expect(leftOut).toEqual([expect.stringMatching(/elsewhere.main\.js" is not in the package ".*package", and so is not copied/)])
})

it('ends with the signal', async () => {
  await expect(run('main.js', { 'main.js': '' }, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
})
