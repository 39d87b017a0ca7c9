/**
 * `weaver config check` over a generated and built application, and what deployers of this machine
 * refuse of the same file.
 */
import { readFileSync } from 'node:fs'
import { rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { anError } from '../../testing/an-error.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'
import { makeShop } from '../../testing/shop.js'

let folder: string
beforeEach(async () => {
  folder = await makeShop()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (text: string): Promise<void> => writeFile(join(folder, 'weaver.toml'), text)
const weaver = (line: string): Promise<Ran> => runWeaver(line.split(' '), { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } })
const WRONG = [
  '[serviceweaver]',
  'name = "shop"',
  'colocate = [["shop/Crat"]]',
  '["shop/Cart"]',
  'siz = 3',
  '[single]',
  'listeners.list = {}',
  '[multi]',
  'listeners.lit = {}',
  '[kube]',
  'listeners.list = {}',
  '[gke]',
  'listeners.lsi = {}',
].join('\n')
const FOUND = [
  'weaver.toml:3:14: serviceweaver.colocate[0][0]: the application has no component "shop/Crat"; did you mean "shop/Cart"?',
  'weaver.toml:5:1: "shop/Cart".siz: ',
  'weaver.toml:7:11: single.listeners.list: the application has no listener "list"; did you mean "lis"?',
  'weaver.toml:9:11: multi.listeners.lit: the application has no listener "lit"; did you mean "lis"?',
  'weaver.toml:11:11: kube.listeners.list: the application has no listener "list"; did you mean "lis"?',
  'weaver.toml:13:11: gke.listeners.lsi: the application has no listener "lsi"',
]

it('says that nothing is wrong, or all that is, of every deployer, each with place and remedy', async () => {
  expect(await weaver('config check')).toEqual({ code: 0, stdout: 'weaver.toml: nothing is wrong\n', stderr: '' })
  expect(await weaver('config check --json')).toMatchObject({ code: 0, stderr: '' })

  await write(WRONG)
  const { code, stdout, stderr } = await weaver('config check weaver.toml')
  expect([code, stdout]).toEqual([2, ''])
  const lines = stderr.trimEnd().replace('error WEAVER_CLI_CONFIG_INVALID: ', '').split('\n')
  expect(lines).toEqual(FOUND.map((text) => expect.stringContaining(text)))
  const json = await weaver('config check --json')
  expect([json.code, json.stderr]).toEqual([2, ''])
  expect(JSON.parse(json.stdout)).toEqual({
    file: 'weaver.toml',
    problems: FOUND.map((text) => expect.objectContaining({ line: Number(text.split(':')[1]), column: Number(text.split(':')[2]) })),
    unchecked: [],
    warnings: [],
  })

  await write('[serviceweaver]\nname = 3')
  expect(await weaver('config check')).toEqual(anError(2, 'weaver.toml:2:1: serviceweaver.name: 3 is not a string; give a string'))
  expect(await weaver('config check other.toml')).toEqual(anError(2, 'there is no file "other.toml"'))
})

it('says what it cannot check: without a build, without a component graph', async () => {
  await write(WRONG)
  await unlink(join(folder, 'dist/main.js'))
  const unbuilt = await weaver('config check')
  expect(unbuilt).toEqual(anError(2, 'checked by its types alone; build it first (`npx tsc`)'))
  for (const text of FOUND) expect(unbuilt.stderr).toContain(text)
  await unlink(join(folder, 'weaver.graph.json'))
  expect(await weaver('config check')).toEqual({
    code: 0,
    stdout: 'weaver.toml: nothing is wrong\n',
    stderr: expect.stringMatching(/^warning: .* has no weaver\.graph\.json: .* are not checked; run `weaver generate`\n$/),
  })
})

it('single and multi refuse the same before anything is started', async () => {
  await write(WRONG)
  const single = await weaver('single deploy weaver.toml')
  expect(single).toEqual(anError(2, FOUND[1] ?? '', FOUND[2] ?? ''))
  expect(single.stderr).not.toMatch(/kube\.|multi\.|image/)
  const multi = await weaver('multi deploy weaver.toml --nats nats://127.0.0.1:1')
  expect(multi).toEqual(anError(2, FOUND[0] ?? '', FOUND[1] ?? '', FOUND[3] ?? ''))
})

it('a build is asked for as it is made: by the script of package.json, or by the compiler', async () => {
  await unlink(join(folder, 'dist/main.js'))
  expect(await weaver('single deploy weaver.toml')).toEqual(anError(1, 'WEAVER_CLI_NOT_BUILT', 'build it first (`npx tsc`)'))
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, scripts: { build: 'tsc' } }))
  expect(await weaver('single deploy weaver.toml')).toEqual(anError(1, 'build it first (`npm run build`)'))
})
