// A package as a user has it: sources, generated files, and a built program.
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { component, INSTALLED, TSCONFIG } from '../testing/component-package.js'
import { makeTree } from '../testing/fixtures.js'
import { runWeaver } from '../testing/run-weaver.js'

let folder: string
const weaver = (...args: readonly string[]) =>
  runWeaver(args, { cwd: folder, env: { HOME: folder, XDG_STATE_HOME: join(folder, 'state') } })
beforeAll(async () => {
  folder = await makeTree({
    ...INSTALLED,
    'shop/package.json': JSON.stringify({ name: 'shop', type: 'module' }),
    'shop/tsconfig.json': TSCONFIG,
    'shop/src/cart.ts': component('Cart', 'add'),
    'shop/dist/main.js': `console.log('started with', process.env.MODE, 'in', process.cwd())\n`,
    'shop/weaver.toml': '[serviceweaver]\nname = "shop"\nbinary = "dist/main.js"\nenv = ["MODE=test"]\n',
  })
  expect(await weaver('generate', 'shop')).toMatchObject({ code: 0 })
}, 300_000)
afterAll(() => rm(folder, { recursive: true }))

const STALE = 'weaver.gen.ts and weaver.graph.json of "shop" do not fit the sources; run `weaver generate shop`'

it('`weaver single deploy` starts what is fresh', async () => {
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({
    code: 0,
    stdout: `started with test in ${join(folder, 'shop')}\n`,
  })
  expect(await weaver('callgraph', 'shop')).toMatchObject({ code: 0, stderr: '' })
}, 300_000)

describe('when a source has changed since', () => {
  beforeAll(() => writeFile(join(folder, 'shop/src/cart.ts'), component('Cart', 'take')))

  it('`weaver single deploy` starts nothing, and says what to do', async () => {
    expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toEqual({
      code: 1,
      stdout: '',
      stderr: `error WEAVER_CLI_GENERATED_STALE: ${STALE} and build again (\`npx tsc\`)\n`,
    })
  }, 300_000)

  it('`weaver config check` says so, and what it checked', async () => {
    const checked = await weaver('config', 'check', 'shop/weaver.toml')
    expect(checked).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`warning: ${STALE}, and build again: no deployer starts this`),
    })
    expect(JSON.parse((await weaver('config', 'check', 'shop/weaver.toml', '--json')).stdout)).toMatchObject({
      unchecked: expect.arrayContaining([expect.stringContaining(STALE)]),
    })
  }, 300_000)

  it('`weaver callgraph` prints the chart that there is, with a warning', async () => {
    const { code, stdout, stderr } = await weaver('callgraph', 'shop')
    expect({ code, stderr }).toEqual({ code: 0, stderr: `warning: this is the graph of the last generation: ${STALE}\n` })
    expect(stdout).toContain('acme/Cart')
  }, 300_000)

  it('sources that cannot be generated from are told with their place', async () => {
    await writeFile(join(folder, 'shop/src/cart.ts'), component('Cart', 'add').replace('Promise<void>', 'void'))
    const { code, stderr } = await weaver('single', 'deploy', 'shop/weaver.toml')
    expect(code).toBe(1)
    expect(stderr).toMatch(/the sources of "shop" cannot be generated from:\nsrc\/cart\.ts:2:\d+ - error WVG021/)
  }, 300_000)

  it.each(['src', 'tsconfig.json'])(
    'what is deployed without %s is not compared with anything',
    async (name) => {
      const [here, away] = [join(folder, 'shop', name), join(folder, 'away')]
      await rename(here, away)
      expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 0 })
      expect(await weaver('callgraph', 'shop')).toMatchObject({ code: 0, stderr: '' })
      await rename(away, here)
    },
    120_000,
  )
})

it('`weaver single deploy` without a graph warns that nothing is checked', async () => {
  const [here, away] = [join(folder, 'shop/weaver.graph.json'), join(folder, 'away.json')]
  const unchecked = expect.stringMatching(
    /^warning: ".*shop" has no weaver\.graph\.json: nothing is checked .*run `weaver generate shop`/m,
  ) as unknown
  await rename(here, away)
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 0, stderr: unchecked })
  await rename(away, here)
  await writeFile(join(folder, 'shop/src/cart.ts'), component('Cart', 'add'))
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('warning') })
}, 300_000)

it('where neither is made yet, `weaver generate` goes before the build', async () => {
  const moves = ['weaver.graph.json', 'dist'].map((name) => [join(folder, 'shop', name), join(folder, `away-${name}`)] as const)
  for (const [here, away] of moves) await rename(here, away)
  for (const args of [
    ['single', 'deploy'],
    ['multi', 'deploy', '--nats', 'nats://127.0.0.1:1'],
  ])
    expect(await weaver(...args, 'shop/weaver.toml')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('build it first (`weaver generate shop`, then `npx tsc`)'),
    })
  for (const [here, away] of moves) await rename(away, here)
}, 300_000)

it('the tsconfig of `generate --project` is that of later runs and checks, too', async () => {
  const [lax, strict] = [join(folder, 'shop/tsconfig.json'), join(folder, 'shop/tsconfig.app.json')]
  await writeFile(strict, TSCONFIG)
  await writeFile(lax, JSON.stringify({ compilerOptions: { strict: false }, include: ['src'] }))
  expect(await weaver('generate', 'shop')).toMatchObject({ code: 1, stderr: expect.stringContaining('WVG051') })
  expect(await weaver('generate', 'shop', '--project', 'tsconfig.app.json')).toMatchObject({ code: 0 })
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('warning') })
  expect(await weaver('generate', 'shop', '--check')).toMatchObject({ code: 0 })

  await writeFile(join(folder, 'shop/src/cart.ts'), component('Cart', 'take'))
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 1, stderr: expect.stringContaining(STALE) })
  await rm(lax)
  expect(await weaver('generate', 'shop')).toMatchObject({ code: 0 })
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 0 })

  await writeFile(lax, TSCONFIG)
  expect(await weaver('generate', 'shop', '--project', 'tsconfig.json')).toMatchObject({ code: 0 })
  expect(await readFile(join(folder, 'shop/weaver.graph.json'), 'utf8')).not.toContain('tsconfig')

  expect(await weaver('generate', 'shop', '--project', 'tsconfig.app.json')).toMatchObject({ code: 0 })
  await rm(strict)
  await writeFile(join(folder, 'shop/src/cart.ts'), component('Cart', 'give'))
  expect(await weaver('single', 'deploy', 'shop/weaver.toml')).toMatchObject({ code: 1, stderr: expect.stringContaining(STALE) })
  expect(await weaver('generate', 'shop')).toMatchObject({ code: 0 })
}, 300_000)
